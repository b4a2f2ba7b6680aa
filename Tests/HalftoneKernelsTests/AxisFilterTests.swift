import HalftoneKernels
import HalftoneTesting
import Testing

private let pool = WorkerPool(threads: 2)

/// The value of a row at the output's position by the definition of each interpolation.
private func interpolated(
    _ row: [Double], _ mode: ResizeMode, _ output: Int, of count: Int, alignsCorners: Bool
) -> Double {
    let n = row.count
    func pixel(_ i: Int) -> Double { row[min(max(i, 0), n - 1)] }
    let aligned = count > 1 ? Double(output) * Double(n - 1) / Double(count - 1) : 0
    let position =
        alignsCorners ? aligned : (Double(output) + 0.5) * Double(n) / Double(count) - 0.5
    switch mode {
    case .nearest:
        return pixel(Int((Double(output) * Double(n) / Double(count)).rounded(.down)))
    case .bilinear:
        let p = max(position, 0)
        let i = Int(p.rounded(.down))
        return pixel(i) + (p - Double(i)) * (pixel(i + 1) - pixel(i))
    case .bicubic:
        let i = Int(position.rounded(.down))
        return (-1...2).reduce(0) { sum, k in
            let d = abs(position - Double(i + k))
            // Keys' kernel with a = −3/4.
            let w =
                d <= 1
                ? 1.25 * d * d * d - 2.25 * d * d + 1
                : -0.75 * d * d * d + 3.75 * d * d - 6 * d + 3
            return sum + w * pixel(i + k)
        }
    case .area:
        let (from, to) = (output * n / count, ((output + 1) * n + count - 1) / count)
        return row[from..<to].reduce(0, +) / Double(to - from)
    }
}

@Suite struct AxisFilterTests {
    @Test(
        arguments: ResizeMode.allCases,
        [(5, 5), (5, 9), (9, 4), (1, 3), (7, 1), (4, 8), (8, 3), (33, 20), (3, 0)])
    func resizingAgreesWithTheDefinition(mode: ResizeMode, lengths: (Int, Int)) {
        let (from, to) = lengths
        for alignsCorners in [false, true] {
            let rows = AxisFilter.resizing(mode, from: from, to: to, alignsCorners: alignsCorners)
            let columns = AxisFilter.resizing(
                mode, from: 6, to: 11, alignsCorners: alignsCorners)
            let planes = 3
            let input = seededValues(planes * from * 6, seed: 21)
            let output = filled(planes * to * 11) {
                AxisFilter.apply(
                    input.span, planes: planes, rows: rows, columns: columns, into: &$0,
                    pool: pool)
            }
            var expected: [Double] = []
            for plane in 0..<planes {
                let image = (0..<from).map { y in
                    (0..<6).map { Double(input[(plane * from + y) * 6 + $0]) }
                }
                let tall = (0..<to).map { y in
                    (0..<6).map { x in
                        interpolated(
                            image.map { $0[x] }, mode, y, of: to, alignsCorners: alignsCorners)
                    }
                }
                for row in tall {
                    expected += (0..<11).map {
                        interpolated(row, mode, $0, of: 11, alignsCorners: alignsCorners)
                    }
                }
            }
            // Weights of magnitude sum below 1.6 per axis on values below 1: at most 40 terms,
            // each rounded three times.
            #expect(checkClose(output, expected, within: 120 * 0x1p-24 * 2.6) == [])

            let upstream = seededValues(output.count, seed: 22)
            let gradient = filled(input.count) {
                AxisFilter.apply(
                    upstream.span, planes: planes, rows: rows.transposed,
                    columns: columns.transposed, into: &$0, pool: pool)
            }
            let bound = 240 * 0x1p-24 * (2.6 * Double(output.count) + 1)
            #expect(abs(innerProduct(gradient, input) - innerProduct(upstream, output)) <= bound)
        }
    }
}

@Suite struct UnfoldingTests {
    @Test(arguments: [
        (4, 5, Window(taps: 3, padding: 1), Window(taps: 2, stride: 2)),
        (1, 7, Window(taps: 1), Window(taps: 3, dilation: 2, before: 0, after: 3)),
        (6, 6, Window(taps: 2, stride: 4), Window(taps: 2, padding: 3)),
    ])
    func columnsAreWindows(height: Int, width: Int, vertical: Window, horizontal: Window) {
        let planes = 3
        let unfolding = Unfolding(
            planes: planes, height: height, width: width, vertical: vertical,
            horizontal: horizontal, pool: pool)
        let images = seededValues(unfolding.imageCount, seed: 31)
        let columns = filled(unfolding.columnCount) { unfolding.unfold(images.span, into: &$0) }
        var expected: [Float] = []
        for plane in 0..<planes {
            for i in 0..<vertical.taps {
                for j in 0..<horizontal.taps {
                    for y in 0..<vertical.outputLength(height) {
                        for x in 0..<horizontal.outputLength(width) {
                            let row = y * vertical.stride - vertical.before + i * vertical.dilation
                            let column =
                                x * horizontal.stride - horizontal.before + j * horizontal.dilation
                            let isInside =
                                (0..<height).contains(row) && (0..<width).contains(column)
                            expected.append(
                                isInside ? images[(plane * height + row) * width + column] : 0)
                        }
                    }
                }
            }
        }
        #expect(columns == expected)
        let other = seededValues(columns.count, seed: 32)
        let folded = filled(images.count) { unfolding.fold(other.span, into: &$0) }
        let bound = 16 * 0x1p-24 * Double(columns.count) + 1e-30
        #expect(abs(innerProduct(folded, images) - innerProduct(other, columns)) <= bound)
    }
}
