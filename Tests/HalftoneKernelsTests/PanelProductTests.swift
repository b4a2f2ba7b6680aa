import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import Testing

/// Panels: the same values as the matrix they are made of, and products with bytes.
struct PanelProductTests {
    private static let widths = [1, 7, 31, 32, 33, 48, 64, 172, 576, 1023]
    private static let pool = WorkerPool(threads: 2)

    private func matrix(
        _ format: IntegerFormat, _ granularity: Granularity, rows: Int, columns: Int
    ) throws -> UniformMatrix {
        var generator = SeededGenerator(seed: UInt64(columns * 8 + format.bits))
        let codes = (0..<rows * columns).map { _ in
            UInt8(generator.next() % UInt64(format.levels))
        }
        let groups = rows * granularity.groupsPerRow(inFeatures: columns)
        // In turn scales that float16, bfloat16 and float32 hold.
        let scales = (0..<groups).map { _ in
            let scale = Float.random(in: 0.5...2, using: &generator)
            return columns % 3 == 0
                ? SmallFloat.float16(SmallFloat.float16Bits(scale))
                : columns % 3 == 1
                    ? SmallFloat.bfloat16(SmallFloat.bfloat16Bits(scale)) * 0x1p-60 : scale
        }
        // In turn zero points that are codes and others.
        let zeros = (0..<groups).map { _ in
            Float(generator.next() % UInt64(format.levels)) + (columns % 2 == 0 ? 0 : 0.25)
        }
        let packed = PackedCodes.pack(
            codes: codes, rows: rows, columns: columns, bits: format.bits)
        return try UniformMatrix(
            format: format, granularity: granularity, rows: rows, columns: columns,
            codes: Bytes(packed), scales: scales, zeroPoints: format.isSymmetric ? nil : zeros,
            byteCount: packed.count)
    }

    /// The vectors that the bytes stand for, by the definition: the largest of each 32 is 127.
    private static func rounded(_ input: [Float], columns: Int) -> [Double] {
        stride(from: 0, to: input.count, by: columns).flatMap { row in
            stride(from: row, to: row + columns, by: 32).flatMap { start in
                let run = input[start..<min(start + 32, row + columns)]
                let largest = run.map(\.magnitude).max() ?? 0
                let inverse = largest > 0 ? 127 / largest : 0
                return run.map {
                    Double(($0 * inverse).rounded(.toNearestOrEven)) * Double(largest / 127)
                }
            }
        }
    }

    /// Checks the values and, for several numbers of vectors, the products of all forms.
    ///
    /// - Parameters:
    ///   - levels: How many steps the largest weight has at most.
    ///   - share: What values may be off by, as a share of the largest weight.
    static func check(_ matrix: any WeightMatrix, levels: Double, share: Double = 0) throws {
        let panels = try #require(matrix.panels(on: Self.pool), "\(matrix.formatName)")
        let columns = matrix.columns
        var decoded = matrix.decoded()
        // The largest magnitude of what a unit of the code is worth, from above.
        let unit = Double(decoded.map(\.magnitude).max() ?? 0)
        for row in 0..<matrix.rows {
            let own = panels.decoded(row: row)
            for column in 0..<columns {
                // Scale · level + offset instead of scale · (code − zero): three roundings of
                // terms that are at most `levels` steps.
                let bound = Double(levels) * unit * 0x1p-22 + share * unit
                let difference = abs(Double(own[column]) - Double(decoded[row * columns + column]))
                #expect(difference <= bound, "\(matrix.formatName), row \(row)")
            }
            decoded.replaceSubrange(row * columns..<(row + 1) * columns, with: own)
        }
        for count in [1, 2, 3, 21] {
            let input = Array(Tensor.normal([count, columns], seed: 3).elements)
            let exact = rounded(input, columns: columns)
            var forms: [PanelMatrix.Form: [Float]] = [:]
            for form in PanelMatrix.Form.allCases where form.isAvailable {
                let found = panels.products(with: input, count: count, form: form)
                forms[form] = found
                for vector in 0..<count {
                    let x = exact[vector * columns..<(vector + 1) * columns]
                    // Each of `runs + 8` float32 operations rounds by half a unit of a partial
                    // sum, whose terms are at most `levels` steps of the largest weight.
                    let size = x.reduce(0) { $0 + abs($1) } * unit * levels
                    let bound = Double(columns / 32 + 10) * 0x1p-23 * size
                    for row in 0..<matrix.rows {
                        let sum = zip(x, decoded[row * columns..<(row + 1) * columns]).reduce(0) {
                            $0 + $1.0 * Double($1.1)
                        }
                        let one = found[vector * matrix.rows + row]
                        #expect(
                            abs(Double(one) - sum) <= bound,
                            "\(form), \(matrix.formatName), \(columns) columns, row \(row)")
                    }
                    // Alone as with others, bit for bit.
                    let alone = panels.products(
                        with: Array(input[vector * columns..<(vector + 1) * columns]), count: 1,
                        form: form)
                    #expect(
                        alone == Array(found[vector * matrix.rows..<(vector + 1) * matrix.rows]))
                }
            }
            // The same integers and the same order of fused operations.
            for (form, found) in forms {
                #expect(found == forms[.plain], "\(form), \(matrix.formatName)")
            }
        }
    }

    @Test(
        arguments: 1...8,
        [Granularity.channel, .tensor, .group(16), .group(32), .group(48), .group(64), .group(128)])
    func integersOfEachWidth(bits: Int, granularity: Granularity) throws {
        for columns in Self.widths {
            for symmetric in [true, false] {
                let format = IntegerFormat(bits: bits, symmetric: symmetric)
                // A whole panel and one row of another.
                try Self.check(
                    matrix(format, granularity, rows: 17, columns: columns),
                    levels: Double(format.levels))
            }
        }
    }

    @Test(arguments: [
        (BlockType.q4_0, 16.0), (.q4_1, 16), (.q5_0, 32), (.q5_1, 32), (.q8_0, 2), (.q2_K, 16),
        (.q3_K, 8), (.q4_K, 16), (.q5_K, 32), (.q6_K, 4), (.iq4_NL, 4), (.iq4_XS, 4), (.tq1_0, 4),
        (.tq2_0, 4), (.mxfp4, 40), (.nvfp4, 40),
    ])
    func blocks(type: BlockType, levels: Double) throws {
        for columns in [type.blockSize, 3 * type.blockSize] {
            var generator = SeededGenerator(seed: UInt64(type.rawValue))
            let weights = Array(Tensor.normal([18, columns], seed: 7).elements)
            var bytes: [UInt8]
            if let encoded = try? BlockCodec.encode(type, weights, columns: columns) {
                bytes = encoded
            } else {
                // Any bytes are blocks; scales get exponents near 0.
                bytes = (0..<18 * columns / type.blockSize * type.bytesPerBlock).map { _ in
                    UInt8(truncatingIfNeeded: generator.next())
                }
                let scale: [(offset: Int, bytes: [UInt8])] =
                    switch type {
                    case .tq1_0: [(52, [0x12, 0x3A])]
                    case .tq2_0: [(64, [0x12, 0x3A])]
                    default: [(0, [UInt8(126)])]
                    }
                for block in stride(from: 0, to: bytes.count, by: type.bytesPerBlock) {
                    for part in scale {
                        for (index, byte) in part.bytes.enumerated() {
                            bytes[block + part.offset + index] = byte
                        }
                    }
                }
            }
            let matrix = try BlockMatrix(
                type: type, rows: 18, columns: columns, bytes: Bytes(bytes))
            try Self.check(matrix, levels: levels * 8)
        }
    }

    @Test func someFormatsHaveNone() throws {
        let format = IntegerFormat(bits: 4, symmetric: true)
        #expect(try matrix(format, .group(24), rows: 1, columns: 96).panels(on: Self.pool) == nil)
        #expect(try matrix(format, .group(5), rows: 1, columns: 96).panels(on: Self.pool) == nil)
        let floats = try BlockMatrix(
            type: .f32, rows: 1, columns: 1, bytes: Bytes([0, 0, 0, 0]))
        #expect(floats.panels(on: Self.pool) == nil)
    }

    @Test func aVectorOfZerosGivesZeros() throws {
        let matrix = try matrix(
            IntegerFormat(bits: 3, symmetric: false), .group(32), rows: 4, columns: 96)
        let panels = try #require(matrix.panels(on: Self.pool))
        let input = [Float](repeating: 0, count: 96)
        for form in PanelMatrix.Form.allCases where form.isAvailable {
            #expect(panels.products(with: input, count: 1, form: form) == [0, 0, 0, 0])
        }
    }

    /// A matrix with its columns in another order multiplies as the stored one does with the vector
    /// in that order, bit for bit.
    @Test(arguments: [1, 3, 9])
    func reorderedColumns(count: Int) throws {
        let stored = try matrix(
            IntegerFormat(bits: 4, symmetric: false), .group(32), rows: 40, columns: 96)
        let order = (0..<96).map { $0 * 35 % 96 }
        let reordered = ReorderedMatrix(stored: stored, order: order, byteCount: 1)
        let input = Array(Tensor.normal([count, 96], seed: 5).elements)
        let ordered = (0..<count).flatMap { row in order.map { input[96 * row + $0] } }
        var found = [Float](repeating: 0, count: count * 40)
        var expected = found
        MatrixProduct(reordered, activations: .int8, pool: Self.pool)(
            input, count: count, into: &found)
        MatrixProduct(stored, activations: .int8, pool: Self.pool)(
            ordered, count: count, into: &expected)
        #expect(found == expected)
    }

    /// Groups on threads give what one thread gives, with biases and sums on top.
    @Test(arguments: [Activations.float32, .int8], [1, 3, 9])
    func groupsOfProducts(activations: Activations, count: Int) throws {
        let format = IntegerFormat(bits: 4, symmetric: true)
        let first = try matrix(format, .group(32), rows: 40, columns: 96)
        let second = try matrix(format, .group(32), rows: 17, columns: 96)
        let bias = (0..<17).map { Float($0) }
        let input = Array(Tensor.normal([count, 96], seed: 4).elements)
        var results: [[Float]] = []
        for threads in [1, 2, 3] {
            let pool = WorkerPool(threads: threads)
            let group = ProductGroup([
                WeightProduct(first, activations, pool: pool),
                WeightProduct(second, bias: bias, activations, pool: pool),
            ])
            let rows = ActivationRows(width: 96, capacity: count, forms: group.reads)
            rows.floats.take(input, from: 0, count: input.count)
            rows.finish(0..<count)
            let output = FloatBuffer(count: count * 57)
            for adds in [false, true] {
                pool.together {
                    group.run($0, rows, rows: 0..<count, into: output, adds: adds)
                }
            }
            var result = [Float](repeating: 0, count: count * 57)
            output.copy(0..<count * 57, into: &result)
            results.append(result)
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        var parts: [[Float]] = []
        for matrix in [first, second] {
            var part = [Float](repeating: 0, count: count * matrix.rows)
            MatrixProduct(matrix, activations: activations, pool: Self.pool)(
                input, count: count, into: &part)
            parts.append(part)
        }
        for vector in 0..<count {
            for row in 0..<40 {
                #expect(results[0][vector * 57 + row] == 2 * parts[0][vector * 40 + row])
            }
            for row in 0..<17 {
                let expected = 2 * (parts[1][vector * 17 + row] + bias[row])
                // Two more roundings.
                #expect(
                    abs(results[0][vector * 57 + 40 + row] - expected)
                        <= 4 * max(expected.magnitude, 16).ulp)
            }
        }
    }
}
