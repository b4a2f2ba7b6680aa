import HalftoneKernels
import HalftoneTesting
import Testing

private let pool = WorkerPool(threads: 2)

private let poolings: [Pooling] = [
    Pooling(
        planes: 5, height: 6, width: 8, rows: Pooling.runs(Window(taps: 2, stride: 2), length: 6),
        columns: Pooling.runs(Window(taps: 2, stride: 2), length: 8), pool: pool),
    Pooling(
        planes: 3, height: 7, width: 5,
        rows: Pooling.runs(Window(taps: 3, stride: 2, padding: 1), length: 7),
        columns: Pooling.runs(Window(taps: 3, stride: 1, before: 2, after: 0), length: 5),
        pool: pool),
    Pooling(
        planes: 2, height: 9, width: 7, rows: Pooling.evenRuns(4, length: 9),
        columns: Pooling.evenRuns(3, length: 7), pool: pool),
    Pooling(
        planes: 4, height: 5, width: 3, rows: [0..<5], columns: [0..<3], pool: pool),
    Pooling(
        planes: 1, height: 9, width: 9, rows: Pooling.runs(Window(taps: 1, stride: 4), length: 9),
        columns: Pooling.runs(Window(taps: 2, stride: 5), length: 9), pool: pool),
    Pooling(planes: 0, height: 3, width: 3, rows: [0..<3], columns: [0..<3], pool: pool),
]

@Suite struct PoolingTests {
    @Test(arguments: poolings.indices)
    func maximumFindsTheLargestAndItsPlace(index: Int) {
        let pooling = poolings[index]
        let input = seededValues(pooling.inputCount, seed: 11)
        var positions = [Int32](repeating: -7, count: pooling.outputCount)
        let output = filled(pooling.outputCount) { out in
            var span = positions.mutableSpan
            pooling.maximum(input.span, into: &out, positions: &span)
        }
        var expected: [Float] = []
        for plane in 0..<pooling.planes {
            for row in pooling.rows {
                for column in pooling.columns {
                    let window = row.flatMap { y in
                        column.map { input[(plane * pooling.height + y) * pooling.width + $0] }
                    }
                    expected.append(window.max()!)
                }
            }
        }
        #expect(output == expected)
        let area = pooling.height * pooling.width
        let outArea = pooling.rows.count * pooling.columns.count
        for (target, position) in positions.enumerated() {
            #expect(input[target / outArea * area + Int(position)] == output[target])
        }
        // The output is a selection of the input, whose transpose the gradient is.
        let upstream = seededValues(pooling.outputCount, seed: 12)
        let gradient = filled(pooling.inputCount) {
            pooling.maximumGradient(upstream.span, positions: positions.span, into: &$0)
        }
        let bound = innerMagnitude(upstream, output) * 0x1p-20 + 1e-30
        #expect(abs(innerProduct(gradient, input) - innerProduct(upstream, output)) <= bound)
    }

    @Test func maximumOfEqualsIsTheFirstAndNaNWins() {
        let pooling = Pooling(
            planes: 2, height: 1, width: 3, rows: [0..<1], columns: [0..<3], pool: pool)
        let input: [Float] = [2, 2, 1, 3, .nan, 9]
        var positions = [Int32](repeating: -7, count: 2)
        let output = filled(2) { out in
            var span = positions.mutableSpan
            pooling.maximum(input.span, into: &out, positions: &span)
        }
        #expect(output[0] == 2 && output[1].isNaN && positions == [0, 1])
    }

    @Test(arguments: poolings.indices)
    func averageAgreesWithASumInDouble(index: Int) {
        let pooling = poolings[index]
        let input = seededValues(pooling.inputCount, seed: 13)
        let rowFactors = pooling.rows.map { 1 / Float($0.count) }
        let columnFactors = pooling.columns.map { 1 / Float($0.count) }
        let output = filled(pooling.outputCount) {
            pooling.average(
                input.span, rowFactors: rowFactors, columnFactors: columnFactors, into: &$0)
        }
        var (expected, bounds): ([Double], [Double]) = ([], [])
        for plane in 0..<pooling.planes {
            for row in pooling.rows {
                for column in pooling.columns {
                    let window = row.flatMap { y in
                        column.map {
                            Double(input[(plane * pooling.height + y) * pooling.width + $0])
                        }
                    }
                    let count = Double(window.count)
                    expected.append(window.reduce(0, +) / count)
                    // One rounding per addition and four for the factors.
                    bounds.append((count + 4) * 0x1p-24 * window.reduce(0) { $0 + abs($1) } / count)
                }
            }
        }
        #expect(checkClose(output, expected, within: bounds) == [])
        let upstream = seededValues(pooling.outputCount, seed: 14)
        let gradient = filled(pooling.inputCount) {
            pooling.averageGradient(
                upstream.span, rowFactors: rowFactors, columnFactors: columnFactors, into: &$0)
        }
        // ⟨Aᵀg, x⟩ = ⟨g, Ax⟩; each side rounds by at most 100 units of its terms.
        let bound = 200 * 0x1p-24 * innerMagnitude(upstream, output).magnitude + 1e-5
        #expect(abs(innerProduct(gradient, input) - innerProduct(upstream, output)) <= bound)
    }

    @Test func evenRunsCoverTheAxis() {
        for (count, length) in [(1, 5), (3, 7), (7, 7), (5, 3)] {
            let runs = Pooling.evenRuns(count, length: length)
            #expect(runs.count == count && runs[0].lowerBound == 0)
            #expect(runs[count - 1].upperBound == length)
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.upperBound >= $1.lowerBound })
            #expect(runs.allSatisfy { !$0.isEmpty })
        }
    }
}
