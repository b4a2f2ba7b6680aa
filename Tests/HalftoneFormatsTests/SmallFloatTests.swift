import HalftoneFormats
import Testing

/// A binary floating-point format as its definition states it, in Double arithmetic.
private struct Definition {
    let exponentBits: Int
    let mantissaBits: Int
    let bias: Int
    /// Whether the largest exponent means infinity and NaN, as in IEEE 754.
    let hasInfinity: Bool

    /// `(−1)^sign · 2^(exponent − bias) · 1.mantissa`, or `2^(1 − bias) · 0.mantissa` at exponent 0.
    func value(_ bits: Int) -> Double {
        let mantissa = bits & ((1 << mantissaBits) - 1)
        let exponent = bits >> mantissaBits & ((1 << exponentBits) - 1)
        let sign: Double = bits >> (mantissaBits + exponentBits) & 1 == 0 ? 1 : -1
        let fraction = Double(mantissa) / Double(1 << mantissaBits)
        if exponent == (1 << exponentBits) - 1 {
            if hasInfinity { return mantissa == 0 ? sign * .infinity : .nan }
            if mantissa == (1 << mantissaBits) - 1 { return .nan }
        }
        return exponent == 0
            ? sign * power(1 - bias) * fraction
            : sign * power(exponent - bias) * (1 + fraction)
    }

    private func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}

private let binary16 = Definition(exponentBits: 5, mantissaBits: 10, bias: 15, hasInfinity: true)
private let bfloat16 = Definition(exponentBits: 8, mantissaBits: 7, bias: 127, hasInfinity: true)
private let e4m3 = Definition(exponentBits: 4, mantissaBits: 3, bias: 7, hasInfinity: false)

/// The values at which rounding to a format changes its mind, and their float32 neighbours:
/// every pattern's value, and every midpoint of two consecutive ones.
private func decisionPoints(_ definition: Definition, patterns: Int) -> [Float] {
    var points: [Float] = [0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity]
    for bits in 0..<patterns {
        let value = definition.value(bits)
        let next = definition.value(bits + 1)
        guard value.isFinite else { continue }
        points.append(Float(value))
        guard next.isFinite else { continue }
        // Exact: both are multiples of the spacing, and half of it is a float32 or rounds to one.
        let middle = Float((value + next) / 2)
        points += [middle.nextDown, middle, middle.nextUp]
    }
    return points + points.map { -$0 }
}

/// Values from all over the range of float32, the same ones on every run.
private func scatteredFloats(count: Int) -> [Float] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(bitPattern: UInt32(truncatingIfNeeded: state >> 32))
    }
}

@Suite("Floating-point formats of 16 and 8 bits")
struct SmallFloatTests {
    @Test("every binary16 pattern has the value of the definition")
    func everyFloat16Decodes() {
        for bits in UInt16.min...UInt16.max {
            let value = SmallFloat.float16(bits)
            let expected = Float(binary16.value(Int(bits)))
            #expect(
                value.isNaN && expected.isNaN || value.bitPattern == expected.bitPattern,
                "pattern \(String(bits, radix: 16)): \(value), not \(expected)")
        }
    }

    @Test("every binary16 pattern survives decoding and encoding")
    func everyFloat16ReturnsToItself() {
        for bits in UInt16.min...UInt16.max {
            let again = SmallFloat.float16Bits(SmallFloat.float16(bits))
            let isNaN = bits & 0x7C00 == 0x7C00 && bits & 0x3FF != 0
            // A NaN comes back quiet with its payload.
            #expect(again == (isNaN ? bits | 0x200 : bits), "pattern \(String(bits, radix: 16))")
        }
    }

    #if !(os(macOS) && arch(x86_64))
        @Test("binary16 rounds as the standard library's Float16 does")
        func float16EncodesLikeTheStandardLibrary() {
            let values =
                decisionPoints(binary16, patterns: 0x7C00)
                + [65519.996, 65520, 65520.004, -65520] + scatteredFloats(count: 1_000_000)
            for value in values {
                let expected = Float16(value)
                let bits = SmallFloat.float16Bits(value)
                let nanStaysNaN = value.isNaN && bits & 0x7C00 == 0x7C00 && bits & 0x3FF != 0
                #expect(
                    nanStaysNaN || bits == expected.bitPattern,
                    "\(value): \(String(bits, radix: 16)), not \(expected)")
            }
        }
    #endif

    @Test("every bfloat16 pattern has the value of the definition and survives")
    func everyBFloat16Decodes() {
        for bits in UInt16.min...UInt16.max {
            let value = SmallFloat.bfloat16(bits)
            let expected = Float(bfloat16.value(Int(bits)))
            #expect(
                value.isNaN && expected.isNaN || value.bitPattern == expected.bitPattern,
                "pattern \(String(bits, radix: 16)): \(value), not \(expected)")
            let again = SmallFloat.bfloat16Bits(value)
            #expect(again == (value.isNaN ? bits | 0x40 : bits))
        }
    }

    @Test("bfloat16 takes the nearer neighbour, and the even one of two as near")
    func bfloat16EncodesToNearest() {
        let overflow = Float(bitPattern: 0x7F7F_8000)
        let values =
            decisionPoints(bfloat16, patterns: 0x7F80)
            + [overflow.nextDown, overflow, overflow.nextUp, -overflow]
            + scatteredFloats(count: 1_000_000)
        for value in values where value.isFinite {
            let bits = SmallFloat.bfloat16Bits(value)
            // The two candidates: the upper half of the float, and one pattern further out. What
            // would follow the largest finite value stands in for infinity (2^128).
            let inner = value.bitPattern >> 16
            let outer = inner + 1
            let distance = (Double(value) - bfloat16.value(Int(inner))).magnitude
            let limit = bfloat16.value(Int(outer))
            let outerValue = limit.isInfinite ? (value < 0 ? -0x1p128 : 0x1p128) : limit
            let outerDistance = (Double(value) - outerValue).magnitude
            let takesInner =
                distance < outerDistance || (distance == outerDistance && inner % 2 == 0)
            #expect(
                bits == UInt16(takesInner ? inner : outer),
                "\(value): \(String(bits, radix: 16))")
        }
    }

    @Test("a NaN with a payload in its low bits stays a NaN")
    func lowPayloadStaysNaN() {
        for sign: UInt32 in [0, 0x8000_0000] {
            let value = Float(bitPattern: sign | 0x7F80_0001)
            #expect(SmallFloat.bfloat16(SmallFloat.bfloat16Bits(value)).isNaN)
            #expect(SmallFloat.float16(SmallFloat.float16Bits(value)).isNaN)
            #expect(NumberFormat.e4m3.value(of: NumberFormat.e4m3.code(of: value)).isNaN)
        }
    }

    @Test("all 256 E4M3 codes have the value of the definition and survive")
    func everyE4M3Decodes() {
        for bits in UInt8.min...UInt8.max {
            let value = NumberFormat.e4m3.value(of: bits)
            let expected = Float(e4m3.value(Int(bits)))
            #expect(
                value.isNaN && expected.isNaN || value.bitPattern == expected.bitPattern,
                "code \(String(bits, radix: 16)): \(value), not \(expected)")
            #expect(NumberFormat.e4m3.code(of: value) & 0x7F == bits & 0x7F)
            if !value.isNaN { #expect(NumberFormat.e4m3.code(of: value) == bits) }
        }
        #expect(NumberFormat.e4m3.value(of: 0x7E) == 448)
        #expect(NumberFormat.e4m3.value(of: 0x01) == 0x1p-9)
        #expect(NumberFormat.e4m3.value(of: 0x7F).isNaN && NumberFormat.e4m3.value(of: 0xFF).isNaN)
    }

    @Test("E4M3 takes the nearest of all codes, the even one on ties, 448 beyond the range")
    func e4m3EncodesToNearestOfAllCodes() {
        let values =
            decisionPoints(e4m3, patterns: 0x7F) + [447.99997, 448, 464, 480, 1e30]
            + scatteredFloats(count: 20_000)
        for value in values where !value.isNaN {
            let sign: UInt8 = value.sign == .minus ? 0x80 : 0
            let magnitude = Double(min(value.magnitude, 448))
            var best: UInt8 = 0
            for code in UInt8(0)...0x7E {
                let distance = (e4m3.value(Int(code)) - magnitude).magnitude
                let bestDistance = (e4m3.value(Int(best)) - magnitude).magnitude
                if distance < bestDistance || (distance == bestDistance && code % 2 == 0) {
                    best = code
                }
            }
            let bits = NumberFormat.e4m3.code(of: value)
            #expect(
                bits == sign | best,
                "\(value): \(String(bits, radix: 16)), not \(String(sign | best, radix: 16))")
        }
    }
}
