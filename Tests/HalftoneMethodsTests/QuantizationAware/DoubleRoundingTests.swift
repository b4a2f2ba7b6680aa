import HalftoneKernels
import HalftoneMethods
import HalftoneTensor
import Testing

struct DoubleRoundingTests {
    @Test(arguments: [8, 7, 6, 4, 3, 2])
    func weightIsTheReference(_ bits: Int) throws {
        let fixture = try QATFixture("doublerounding/weight\(bits)")
        let method = DoubleRounding()
        let weight = try fixture.tensor("weight").tracked()
        let scale = try fixture.tensor("scale").tracked()
        let stored = method.storedCodes(weight, scale: scale.item)
        #expect(stored.map { Int($0) } == (try fixture.integers("high")))
        #expect(
            stored.map { Int(method.code($0, bits: bits)) } == (try fixture.integers("codes")))
        let value = method.weight(weight, scale: scale, bits: bits)
        let gradients = value.gradients(
            for: [weight, scale], upstream: try fixture.tensor("upstream"))
        // The value takes one rounding for the step's product; shares are differences of numbers
        // up to 2^bits that carry two, 40 of which are summed.
        var failures = try fixture.failures(value, "value", operations: 2)
        failures += try fixture.failures(gradients[0], "gradient.weight", operations: 0.5)
        let slack = Double(40 * (4 << bits) * (1 << (8 - bits)))
        let wanted = Double(try fixture.tensor("gradient.scale").item)
        #expect(abs(Double(gradients[1].item) - wanted) <= slack * 0x1p-24 * 4)
        #expect(failures == [])
        failures = []
        // Without float weights, the same bits.
        #expect(
            method.values(stored, shape: weight.shape, scale: scale.item, bits: bits) == value)
    }

    @Test(arguments: [8, 4, 2])
    func activationIsTheReference(_ bits: Int) throws {
        let fixture = try QATFixture("doublerounding/activation\(bits)")
        let x = try fixture.tensor("x").tracked()
        let scale = try fixture.tensor("scale").tracked()
        let zero = try fixture.tensor("zero").tracked()
        let value = DoubleRounding().activation(x, scale: scale, zero: zero, bits: bits)
        let gradients = value.gradients(
            for: [x, scale, zero], upstream: try fixture.tensor("upstream"))
        // 36 terms; a code less x / scale carries two roundings of numbers up to 2^bits.
        var failures = try fixture.failures(value, "value", operations: 4)
        failures += try fixture.failures(gradients[0], "gradient.x", operations: 0.5)
        failures += try fixture.failures(
            gradients[1], "gradient.scale", operations: 72, spread: Double(1 << bits))
        failures += try fixture.failures(gradients[2], "gradient.zero", operations: 72, spread: 10)
        #expect(failures == [])
    }

    @Test func everyCodeOfEveryWidth() throws {
        let fixture = try QATFixture("doublerounding/table")
        let high = try fixture.integers("high")
        #expect(high == Array(-128...127))
        for (label, switching) in [("codes", DoubleRounding.Switching.rounding), ("floor", .floor)]
        {
            let method = DoubleRounding(switching: switching)
            let found = [6, 4, 2].flatMap { bits in
                high.map { Int(method.code(Int8($0), bits: bits)) }
            }
            #expect(found == (try fixture.integers(label)))
        }
    }

    @Test func ratesAreTheReference() throws {
        let fixture = try QATFixture("doublerounding/rates")
        let method = DoubleRounding()
        let gradients = try fixture.tensor("gradients").elements.map { Double($0) }
        let eta = try fixture.tensor("eta").elements.map { Double($0) }
        let rates = try fixture.tensor("rates").elements.map { Double($0) }
        for drop in 0...6 {
            let bits = 8 - drop
            let rate = method.rate(
                base: try fixture.number("rate"), gradients: gradients, bits: bits, floor: nil)
            // Stored in float32.
            #expect(abs(method.factor(bits: bits) - eta[drop]) <= 0x1p-24 * eta[drop])
            #expect(abs(rate - rates[drop]) <= 0x1p-22 * eta[drop])
            #expect(
                method.rate(base: 0, gradients: gradients, bits: bits, floor: 1e-6) == 1e-6)
        }
    }
}
