import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneTensor
import Testing

struct DenseShiftTests {
    @Test(arguments: [2, 3, 4])
    func weightIsTheReference(_ bits: Int) throws {
        let fixture = try QATFixture("denseshift/\(bits)bit")
        let sign = try fixture.tensor("sign")
        let gates = try fixture.tensor("latents")
        let latents = Tensor.concatenate([sign.unsqueezed(0), gates]).tracked()
        #expect(DenseShift(bits: bits).shifts(latents) == (try fixture.integers("shift")))
        for (label, rescales) in [("gradient", true), ("plain", false)] {
            let method = DenseShift(bits: bits, rescalesGradient: rescales)
            let weight = method.weight(latents)
            #expect(weight == (try fixture.tensor("weight")))
            let gradient = weight.gradients(
                for: [latents], upstream: try fixture.tensor("upstream"))[0]
            // A root, a quotient and two products of numbers that are kept in float32.
            var failures = try fixture.failures(
                gradient[row: 0], "\(label).sign", operations: 4)
            failures += try fixture.failures(
                gradient.rows(1..<1 + method.gateCount), "\(label).latents", operations: 4)
            #expect(failures == [])
        }
        let codes = DenseShift(bits: bits).codes(latents)
        let format = ShiftFormat(bits: bits)
        #expect(
            codes.map { format.value(code: $0) } == (try fixture.tensor("weight")).elements.array)
    }

    /// A million random pairs: any normal number, any code whose product stays normal.
    @Test func additionIsMultiplication() {
        var generator = SeededGenerator(seed: 11)
        let formats = (2...5).map { ShiftFormat(bits: $0) }
        var pairs = 0
        while pairs < 1_000_000 {
            let bits = UInt32.random(in: .min ... .max, using: &generator)
            let x = Float(bitPattern: bits)
            let format = formats[pairs % 4]
            let code = UInt8.random(in: 0..<1 << UInt8(format.bits), using: &generator)
            let value = format.value(code: code)
            guard x.isNormal, (x * value).isNormal else { continue }
            let sum = Float(bitPattern: x.bitPattern &+ format.addend(code: code))
            guard sum.bitPattern == (x * value).bitPattern else {
                Issue.record("\(x) times \(value) gave \(sum)")
                return
            }
            pairs += 1
        }
    }

    @Test func productsOfAnyFloatsAreThoseOfMultiplication() {
        var generator = SeededGenerator(seed: 12)
        let format = ShiftFormat(bits: 4)
        for columns in [1, 7, 8, 31, 1023] {
            let codes = (0..<5 * columns).map { _ in UInt8.random(in: 0..<16, using: &generator) }
            let matrix = ShiftMatrix(format: format, rows: 5, columns: columns, codes: codes)
            var input = Tensor.normal([columns], using: &generator).elements.array
            #expect(matrix.products(with: input) == matrix.referenceProducts(with: input))
            input[columns / 2] = 0
            #expect(matrix.products(with: input) == matrix.referenceProducts(with: input))
            input[0] = Float.greatestFiniteMagnitude
            #expect(matrix.products(with: input) == matrix.referenceProducts(with: input))
            let integers = (0..<columns).map { _ in Int32.random(in: -128...127, using: &generator)
            }
            let floats = matrix.referenceProducts(with: integers.map { Float($0) })
            // Sums of at most 1023 · 128 · 128 < 2²⁴ are exact in float32.
            #expect(matrix.products(with: integers).map { Float($0) } == floats)
        }
        for x in [Float.zero, -0.0, .leastNonzeroMagnitude, .infinity, 3e38] {
            let product = ShiftMatrix.product(x, addend: format.addend(code: 3), value: 8)
            #expect(product == x * 8)
        }
        #expect(ShiftMatrix.product(.nan, addend: format.addend(code: 3), value: 8).isNaN)
    }

    @Test(arguments: 2...5)
    func nearestValueIsNearest(_ bits: Int) {
        let format = ShiftFormat(bits: bits)
        #expect(format.values.count == 1 << bits && format.values == format.values.sorted())
        for step in -400...400 {
            let x = Float(step) / 100 * Float(1 << format.largestShift) / 2
            let best = format.values.map { ($0 - x).magnitude }.min()
            #expect((format.nearest(x) - x).magnitude == best)
        }
    }
}
