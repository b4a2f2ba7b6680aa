import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

@Suite("HQQ") struct HQQTests {
    private static let pool = WorkerPool(threads: 2)

    /// Integers to the third power: exact in float32 up to the division.
    private func values(_ unit: Float) -> [Float] {
        (0..<32).map { index in
            let root = (index * index * 7 + index * 3) % 61 - 25
            return Float(Double(root * root * root) / 900 / Double(unit))
        }
    }

    /// What `python3 -m methods.hqq` in Tests/Reference prints, computed with numpy in float64.
    private struct Reference {
        var bits: Int
        var unit: Float
        var scale: Float
        var zero: Float
        var first: Double
        var last: Double
        var codes: [UInt8]
    }

    private static let references = [
        Reference(
            bits: 2, unit: 16, scale: 1.3544921875, zero: 0.99072265625, first: 13.602756361341727,
            last: 10.965855115898322,
            codes: [
                0, 1, 1, 1, 0, 1, 1, 3, 1, 1, 3, 1, 1, 0, 1, 1, 1, 0, 1, 1, 2, 1, 1, 2, 1, 3, 2, 3,
                1, 3, 1, 2,
            ]),
        Reference(
            bits: 3, unit: 16, scale: 0.58056640625, zero: 1.9130859375, first: 6.980697547514346,
            last: 6.8028667663895845,
            codes: [
                0, 2, 2, 2, 0, 1, 2, 7, 3, 3, 7, 2, 1, 0, 2, 2, 2, 0, 1, 2, 5, 2, 2, 4, 2, 6, 4, 7,
                2, 6, 3, 4,
            ]),
        Reference(
            bits: 2, unit: 1024, scale: 0.0211639404296875, zero: 0.9482421875,
            first: 0.7401179507966237, last: 0.6333676044831509,
            codes: [
                0, 1, 1, 1, 0, 1, 1, 3, 1, 1, 3, 1, 1, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1, 2, 1, 3, 2, 3,
                1, 3, 1, 2,
            ]),
        Reference(
            bits: 4, unit: 1, scale: 4.3359375, zero: 4.00390625, first: 25.55110880202276,
            last: 25.55110880202276,
            codes: [
                0, 3, 4, 3, 1, 3, 4, 14, 6, 6, 14, 4, 3, 1, 3, 4, 3, 0, 2, 4, 10, 5, 5, 9, 4, 13, 9,
                15, 4, 12, 6, 8,
            ]),
    ]

    private func error(_ values: [Float], _ stored: [Float]) -> Double {
        zip(values, stored).reduce(0) { sum, pair in
            sum + pow((Double(pair.0) - Double(pair.1)).magnitude, 0.7)
        }
    }

    @Test("numbers are those of the reference", arguments: references.indices)
    func numbers(index: Int) throws {
        let reference = Self.references[index]
        let values = values(reference.unit)
        let stored = try HQQ(bits: reference.bits).stored(
            Tensor(shape: [1, 32], elements: values).weightMatrix(), pool: Self.pool)
        #expect(try stored.floats(ofPart: "scales") == [reference.scale])
        #expect(try stored.floats(ofPart: "zeros") == [reference.zero])
        let decoded = try stored.decoded()
        #expect(decoded == reference.codes.map { reference.scale * (Float($0) - reference.zero) })
        // Decoded values are rounded to float32: 32 errors off by 2⁻²⁴ of numbers about as large as
        // the errors, so 1e-6 is generous.
        #expect((error(values, decoded) / reference.last - 1).magnitude < 1e-6)
        #expect(reference.last <= reference.first)
        // What products run on are the same values.
        #expect(try stored.matrix().decoded() == decoded)
    }

    /// The zero point that the covering scale begins with loses at least as much in every group.
    @Test("errors fall in the norm that is minimized", arguments: [2, 3, 4, 8])
    func errorsFall(bits: Int) throws {
        let weight = Tensor.normal([16, 192], seed: 5)
        let values = weight.elements.array.map { $0 * $0 * $0 / 8 }
        let matrix = Tensor(shape: [16, 192], elements: values).weightMatrix()
        var start = HQQ(bits: bits)
        start.turns = 0
        let before = try start.stored(matrix, pool: Self.pool)
        let after = try HQQ(bits: bits).stored(matrix, pool: Self.pool)
        #expect(try before.floats(ofPart: "scales") == after.floats(ofPart: "scales"))
        // Codes, and 32 bits for each group of 64.
        #expect(after.byteCount == 16 * 192 * bits / 8 + 16 * 3 * 4)
        let (old, new) = (try before.decoded(), try after.decoded())
        var falls = 0
        for group in 0..<48 {
            let places = group * 64..<(group + 1) * 64
            let (one, two) = (
                error(Array(values[places]), Array(old[places])),
                error(Array(values[places]), Array(new[places]))
            )
            #expect(two <= one * (1 + 1e-6))
            if two < one * 0.999 { falls += 1 }
        }
        #expect(falls > 0, "some group gains")
    }

    @Test("zeros, one value and numbers that are none")
    func edges() throws {
        func stored(_ values: [Float]) throws -> [Float] {
            try HQQ(bits: 2, groupSize: 2).stored(
                Tensor(shape: [1, values.count], elements: values).weightMatrix(), pool: Self.pool
            ).decoded()
        }
        #expect(try stored([0, 0, 0]) == [0, 0, 0])
        // Three steps of a float16 scale that covers.
        #expect((try stored([0, 0, 3])[2] - 3).magnitude < 3 * 0x1p-10)
        #expect(throws: QuantizationError.self) { try stored([1, .nan]) }
        #expect(throws: QuantizationError.self) { try stored([1, 3e38]) }
        #expect(try stored([]) == [])
    }
}
