import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Widths with and without whole runs, and those of real models.
private let widths = [1, 7, 8, 9, 31, 33, 64, 172, 576, 1023, 1536]

private let granularities: [Granularity] =
    [.tensor, .channel] + [5, 16, 24, 32, 36, 48, 64, 128, 144, 256].map { .group($0) }

/// A matrix of random codes.
private func matrix(
    _ format: IntegerFormat, _ granularity: Granularity, rows: Int, columns: Int, seed: UInt64,
    scale: (inout SeededGenerator) -> Float
) throws -> (UniformMatrix, codes: [UInt8]) {
    var generator = SeededGenerator(seed: seed)
    let codes = randomCodes(rows * columns, bits: format.bits, seed: seed + 1)
    let groups = rows * granularity.groupsPerRow(inFeatures: columns)
    let scales = (0..<groups).map { _ in scale(&generator) }
    let zeros = (0..<groups).map { _ in Float(generator.next() % UInt64(format.levels)) }
    let packed = PackedCodes.pack(codes: codes, rows: rows, columns: columns, bits: format.bits)
    let matrix = try UniformMatrix(
        format: format, granularity: granularity, rows: rows, columns: columns,
        codes: Bytes(packed), scales: scales, zeroPoints: format.isSymmetric ? nil : zeros,
        byteCount: packed.count)
    return (matrix, codes)
}

/// Scale and zero point of an element.
private func parameters(_ matrix: UniformMatrix, _ row: Int, _ column: Int) -> (Float, Float) {
    let group = row * matrix.groupsPerRow + column / matrix.groupSize
    let zero = matrix.zeroPoints?[group] ?? (matrix.format.bits == 1 ? 0.5 : 1)
    guard matrix.format.isSymmetric, matrix.format.bits > 1 else {
        return (matrix.scales[group], zero)
    }
    return (matrix.scales[group], Float(1 << (matrix.format.bits - 1)))
}

@Suite struct PackedMatrixTests {
    /// All forms give the bits of the definition, written here once more.
    @Test(arguments: 1...8, [true, false])
    func decodingIsBitExact(bits: Int, symmetric: Bool) throws {
        let format = IntegerFormat(bits: bits, symmetric: symmetric)
        for granularity in granularities {
            for columns in widths {
                let (matrix, codes) = try matrix(
                    format, granularity, rows: 3, columns: columns, seed: UInt64(columns)
                ) { Float.random(in: -2...2, using: &$0) }
                let expected = codes.enumerated().map { index, code in
                    let (scale, zero) = parameters(matrix, index / columns, index % columns)
                    return scale * (Float(code) - zero)
                }
                for form in UniformMatrix.Form.allCases {
                    #expect(
                        matrix.decoded(form: form) == expected,
                        "\(form), \(matrix.formatName), \(columns) columns")
                }
            }
        }
    }

    /// With small whole inputs, whole zero points and scales ½, 1 and 2 no float32 sum rounds
    /// (at most 1536 · 255 · 4 · 2 · 2 halves, below 2²⁴), so every form gives the exact product.
    @Test(arguments: 1...8, [true, false])
    func productsOfSmallWholeNumbersAreExact(bits: Int, symmetric: Bool) throws {
        let format = IntegerFormat(bits: bits, symmetric: symmetric)
        for granularity in granularities {
            for columns in widths {
                let (matrix, codes) = try matrix(
                    format, granularity, rows: 5, columns: columns, seed: UInt64(columns + 1)
                ) { [0.5, 1, -2][Int($0.next() % 3)] }
                var generator = SeededGenerator(seed: 9)
                let input = (0..<columns).map { _ in
                    Float(Int.random(in: -4...4, using: &generator))
                }
                let expected = (0..<5).map { row in
                    (0..<columns).reduce(0.0) { sum, column in
                        let (scale, zero) = parameters(matrix, row, column)
                        let code = Float(codes[row * columns + column])
                        return sum + Double(scale * (code - zero)) * Double(input[column])
                    }
                }
                for form in UniformMatrix.Form.allCases {
                    #expect(
                        matrix.products(with: input, form: form).map(Double.init) == expected,
                        "\(form), \(matrix.formatName), \(columns) columns")
                }
            }
        }
    }

    /// Bound: a sum of n float32 terms in any order is off by at most n · 2⁻²⁴ · Σ|term|.
    ///
    /// A scale and two subtractions add three roundings. The terms are at most code and zero point
    /// times input.
    @Test(arguments: 1...8, [true, false])
    func productsOfRealNumbersAreClose(bits: Int, symmetric: Bool) throws {
        let format = IntegerFormat(bits: bits, symmetric: symmetric)
        for granularity in granularities {
            for columns in widths {
                let (matrix, codes) = try matrix(
                    format, granularity, rows: 4, columns: columns, seed: UInt64(columns + 2)
                ) { Float.random(in: 0.01...0.02, using: &$0) }
                let input = Tensor.normal([columns], seed: 5).elements.array
                var expected = [Double](repeating: 0, count: 4)
                var terms = expected
                for index in codes.indices {
                    let (scale, zero) = parameters(matrix, index / columns, index % columns)
                    let (code, x) = (Double(codes[index]), Double(input[index % columns]))
                    expected[index / columns] += Double(scale) * (code - Double(zero)) * x
                    terms[index / columns] += Double(scale) * (code + Double(zero)) * abs(x)
                }
                let bounds = terms.map { Double(columns + 3) * 0x1p-24 * $0 }
                for form in UniformMatrix.Form.allCases {
                    #expect(
                        checkClose(
                            matrix.products(with: input, form: form), expected, within: bounds,
                            "\(form), \(matrix.formatName), \(columns) columns") == [])
                }
            }
        }
    }

    @Test(arguments: 1...8, [true, false])
    func theSharedChecksHold(bits: Int, symmetric: Bool) throws {
        for (granularity, columns) in [
            (Granularity.group(32), 96), (.group(48), 172), (.channel, 77),
        ] {
            let (matrix, _) = try matrix(
                IntegerFormat(bits: bits, symmetric: symmetric), granularity, rows: 7,
                columns: columns, seed: 3
            ) { Float.random(in: 0.01...0.02, using: &$0) }
            #expect(checkWeightMatrix(matrix) == [])
        }
    }

    @Test func namesAndEmptyMatrices() throws {
        func name(_ format: IntegerFormat, _ granularity: Granularity) throws -> String {
            try matrix(format, granularity, rows: 0, columns: 64, seed: 1) { _ in 1 }.0.formatName
        }
        #expect(try name(IntegerFormat(bits: 4, symmetric: true), .group(32)) == "int4 g32")
        #expect(try name(IntegerFormat(bits: 3, symmetric: false), .channel) == "uint3 channel")
        let (thin, _) = try matrix(
            IntegerFormat(bits: 4, symmetric: true), .group(32), rows: 3, columns: 0, seed: 1
        ) { _ in 1 }
        #expect(thin.decoded() == [])
        #expect(thin.products(with: []) == [0, 0, 0])
        #expect(thin.gatheringRows([2, 0]).rows == 2)
    }

    @Test func sizesThatDisagreeAreRefused() {
        func make(codes: Int, scales: Int, zeros: Int?, columns: Int = 64)
            throws(UniformMatrixError)
        {
            _ = try UniformMatrix(
                format: IntegerFormat(bits: 4, symmetric: zeros == nil), granularity: .group(32),
                rows: 2, columns: columns, codes: Bytes([UInt8](repeating: 0, count: codes)),
                scales: [Float](repeating: 1, count: scales),
                zeroPoints: zeros.map { [Float](repeating: 1, count: $0) }, byteCount: 0)
        }
        #expect(throws: Never.self) { try make(codes: 64, scales: 4, zeros: nil) }
        #expect(throws: UniformMatrixError.wrongCodes(expectedBytes: 64, found: 63)) {
            try make(codes: 63, scales: 4, zeros: nil)
        }
        #expect(throws: UniformMatrixError.wrongScales(expected: 4, found: 5)) {
            try make(codes: 64, scales: 5, zeros: nil)
        }
        #expect(throws: UniformMatrixError.wrongZeroPoints(expected: 4, found: 3)) {
            try make(codes: 64, scales: 4, zeros: 3)
        }
        #expect(throws: UniformMatrixError.self) {
            try make(codes: 64, scales: 4, zeros: nil, columns: .max)
        }
    }
}
