import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Six-bit floats: all 64 codes, the rounding of rows by hand, and the two packings bit for bit.
@Suite struct ZeroQuantFP6Tests {
    private static let pool = WorkerPool(threads: 1)

    /// The definition, apart from the format's: `±2^(e − 3) · (1 + f/4)`, or `±f/16` for e = 0.
    private func value(_ code: UInt8) -> Float {
        let (exponent, mantissa) = (Int(code >> 2 & 7), Float(code & 3))
        let magnitude =
            exponent == 0
            ? mantissa / 16
            : Float(sign: .plus, exponent: exponent - 3, significand: 1 + mantissa / 4)
        return code & 32 == 0 ? magnitude : -magnitude
    }

    @Test func shiftedBitsAreExact() {
        for code in UInt8(0)..<64 {
            let half = SmallFloat.float16(ZeroQuantFP6.halfBits(of: code))
            #expect(half * 4096 == value(code), "code \(code)")
            #expect(ZeroQuantFP6.format.value(of: code) * 4096 == value(code), "code \(code)")
        }
        #expect(value(1) == 0.0625 && value(31) == 28)
        let magnitudes = (UInt8(0)..<32).map(value)
        #expect(zip(magnitudes, magnitudes.dropFirst()).allSatisfy { $0 < $1 })
    }

    private func decoded(_ row: [Float]) throws -> [Float] {
        let weight = Tensor(shape: [1, row.count], elements: row).weightMatrix()
        return try ZeroQuantFP6().stored(weight, pool: Self.pool).decoded()
    }

    /// The largest weight is 28 and the scale 1, so levels stand where the format has them.
    @Test func roundsToNearest() throws {
        let row: [Float] = [28, 27, -26, 25.9, 1.1, 1.13, 1.9, 0.3, 0.03, 0.04, -0.2, 0]
        // Steps of 4 up to 28, where 26 is a tie between 24 and 28 and goes to the even mantissa;
        // of 1/4 from 1 to 2, with 1.9 rounded up to the next power; of 1/16 below 1/2.
        let expected: [Float] = [28, 28, -24, 24, 1, 1.25, 2, 0.3125, 0, 0.0625, -0.1875, 0]
        #expect(try decoded(row) == expected)
    }

    /// Half a step is at most an eighth of a weight, and a 32nd of 1/28 of the largest one below
    /// the normal numbers; the 16-bit scale moves that by 2⁻¹¹ of it.
    @Test func errorIsAShareOfEachWeight() throws {
        let row = Array(Tensor.normal([512], seed: 3).elements)
        let scale = (row.map(\.magnitude).max() ?? 0) / 28
        for (value, found) in zip(row, try decoded(row)) {
            let bound = max(value.magnitude / 8, scale / 32) + value.magnitude * 0x1p-10
            #expect(abs(value - found) <= bound, "\(value) became \(found)")
        }
    }

    /// With the shifted bias a scale has all its bits; rounded up, so that the largest weight is
    /// covered, it is off by 2⁻¹⁰ at most.
    ///
    /// One of 0.0001 / 28 itself would be a subnormal of 6 bits.
    @Test(arguments: [Float(0.0001), 0.001, 1, 400])
    func scalesKeepTheirBits(largest: Float) throws {
        let found = try decoded([largest, 0])
        #expect(abs(found[0] / largest - 1) <= 0x1p-10)
    }

    @Test func rowsOfZerosAndLargeWeights() throws {
        #expect(try decoded([0, 0, 0, 0]) == [0, 0, 0, 0])
        #expect(throws: QuantizationError.self) { try decoded([460, 1, 1, 1]) }
        #expect(throws: QuantizationError.self) { try decoded([.nan, 1, 1, 1]) }
    }

    /// 110101, 001111, 000001, 101010: by hand.
    @Test func packingsAreTheirBits() {
        let codes: [UInt8] = [0b110101, 0b001111, 0b000001, 0b101010]
        #expect(
            ZeroQuantFP6.pack(codes, .linear) == [0b1101_0100, 0b1111_0000, 0b0110_1010])
        #expect(
            ZeroQuantFP6.pack(codes, .split) == [0b1100_0010, 0b0101_1111, 0b0001_1010])
    }

    @Test(arguments: ZeroQuantFP6.Packing.allCases)
    func packingsAreUndone(packing: ZeroQuantFP6.Packing) {
        // 64 · 5 codes, each in every place of a group of four.
        let codes = (0..<320).map { UInt8($0 * 13 % 64) }
        let bytes = ZeroQuantFP6.pack(codes, packing)
        #expect(bytes.count == 240)
        #expect(ZeroQuantFP6.unpack(bytes, packing) == codes)
    }

    @Test func storedCodesAreThoseOfTheForm() throws {
        let weight = Tensor.normal([3, 8], seed: 5)
        let stored = try ZeroQuantFP6().stored(weight.weightMatrix(), pool: Self.pool)
        let codes = try #require(stored.codes)
        #expect(codes.count == 24)
        // 6 bytes of codes and a scale of 2 for each row.
        #expect(stored.byteCount == 3 * 8)
        let values = try stored.decoded()
        for row in 0..<3 {
            let top = values[8 * row..<8 * row + 8].map(\.magnitude).max() ?? 0
            for column in 0..<8 {
                let share = values[8 * row + column] / top
                #expect(abs(share - value(codes[8 * row + column]) / 28) < 1e-6)
            }
        }
        let blocks = try StoredMatrix(
            Array(weight.elements), rows: 3, columns: 8, form: .dualBinary(.group(8)))
        #expect(blocks.codes == nil)
    }

    /// Relative squared errors of rows of 2048, to 10 %.
    ///
    /// Another simulation gave 2.8e-3 for normal weights and 2.7e-3 for Student's t with 5 degrees
    /// of freedom.
    @Test func errorHardlyDependsOnTheTail() throws {
        var generator = SeededGenerator(seed: 1)
        func normal() -> Tensor { .normal([16, 2048], using: &generator) }
        let gaussian = normal()
        let chi = (0..<5).reduce(Tensor.zeros([16, 2048])) { sum, _ in sum + normal().squared() }
        for (weight, expected) in [(gaussian, 2.8e-3), (gaussian / (chi / 5).squareRoot(), 2.7e-3)]
        {
            let stored = try ZeroQuantFP6().stored(weight.weightMatrix(), pool: Self.pool)
            let error = zip(weight.elements, try stored.decoded()).reduce(0.0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }
            let relative = error / Double(weight.squared().sum().item)
            #expect(abs(relative / expected - 1) < 0.1, "\(relative)")
        }
    }
}
