import HalftoneFormats
import Testing

/// Every split of 2 to 8 bits, signed and unsigned, with all special codes, and odd biases.
private let splits: [FloatFormat] = (1...8).flatMap { exponentBits in
    (0...7).flatMap { mantissaBits in
        [true, false].flatMap { isSigned in
            FloatFormat.Specials.allCases.flatMap { specials -> [FloatFormat] in
                guard
                    FloatFormat.isPossible(
                        exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned),
                    specials != .negativeZero || isSigned
                else { return [] }
                return [(nil, true), (2.25, true), (nil, specials == .negativeZero)].map {
                    FloatFormat(
                        exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned,
                        bias: $0, specials: specials, hasSubnormals: $1)
                }
            }
        }
    }
}

@Suite("Number formats")
struct NumberFormatTests {
    /// Left out are NaN where a format has none (each program then has a rule of its own),
    /// numbers that are not positive in E8M0, which saturate here and are NaN there, E8M0 between
    /// its two least numbers, subnormal float32 that ml_dtypes rounds up, and for
    /// bitsandbytes −0, what is as near to a threshold of FP4 as its decimals are cut off (10⁻⁶),
    /// and the thresholds of NF4, which are middles rounded to float32.
    @Test("values and codes are those of other programs, bit for bit")
    func agreesWithOtherPrograms() throws {
        let records = try FormatRecord.stored()
        #expect(records.count == 38)
        for record in records {
            let format = try #require(NumberFormat(named: record.name), "\(record.name)")
            try #require(format.values.count == record.values.count, "\(record.name)")
            for (code, (ours, theirs)) in zip(format.values, record.values).enumerated() {
                #expect(
                    ours.bitPattern == theirs.bitPattern || ours.isNaN && theirs.isNaN,
                    "\(record.name), code \(code): \(ours), not \(theirs)")
            }
            var compared = 0
            for (value, code) in record.encoded where !value.isNaN {
                let isBelowNormal = value > 0x1p-127 && value < 0x1p-126
                if record.name == "e8m0", value <= 0 || isBelowNormal { continue }
                if record.name == "fp4" {
                    let levels = format.levels
                    let isNearThreshold = zip(levels, levels.dropFirst()).contains {
                        (($0 + $1) / 2 - value).magnitude < 1e-6
                    }
                    if isNearThreshold || value == 0 { continue }
                }
                if record.name == "nf4" {
                    let levels = format.levels.map(Double.init)
                    let isThreshold = zip(levels, levels.dropFirst()).contains {
                        Float(($0 + $1) / 2) == value
                    }
                    if isThreshold { continue }
                }
                compared += 1
                let ours = format.code(of: value, overflow: record.overflow)
                // Infinities of the two signs of NaN are alike.
                let isSame =
                    ours == code
                    || format.value(of: ours).isNaN && format.value(of: code).isNaN
                #expect(isSame, "\(record.name): \(value) has code \(code), not \(ours)")
            }
            #expect(compared > 30000, "\(record.name)")
        }
    }

    @Test("floats of all splits have the values of the definition", arguments: splits)
    func splitsFollowTheDefinition(format: FloatFormat) {
        let magnitudes = 1 << (format.exponentBits + format.mantissaBits)
        for code in 0..<1 << format.bits {
            let magnitude = code % magnitudes
            let mantissa = magnitude % (1 << format.mantissaBits)
            let exponent = magnitude >> format.mantissaBits
            let value = format.value(of: UInt8(code))
            switch format.specials {
            case .ieee where exponent == (1 << format.exponentBits) - 1:
                #expect(mantissa == 0 ? value.isInfinite : value.isNaN)
                continue
            case .allOnes where magnitude == magnitudes - 1, .negativeZero where code == magnitudes:
                #expect(value.isNaN)
                continue
            default: break
            }
            // In units of the least subnormal, an integer, times 2^(−bias) by repeated squares.
            let isSubnormal = exponent == 0 && format.hasSubnormals
            let steps = isSubnormal ? mantissa : mantissa + 1 << format.mantissaBits
            let power = (isSubnormal ? 1 : exponent) - format.mantissaBits
            // The bias is a multiple of ¼, and 2^¼ is √√2.
            var expected = Double(sign: .plus, exponent: power, significand: Double(steps))
            let root = (2.0).squareRoot().squareRoot()
            for _ in 0..<Int(4 * (format.bias - format.bias.rounded(.down))) { expected /= root }
            expected = Double(
                sign: .plus, exponent: -Int(format.bias.rounded(.down)), significand: expected)
            if expected > Double(Float.greatestFiniteMagnitude) {
                #expect(value.isInfinite)
                continue
            }
            // Whole biases are exact. Others: three divisions, then a rounding to float32.
            let tolerance = format.bias == format.bias.rounded() ? 0 : expected * 0x1p-23
            #expect((Double(value.magnitude) - expected).magnitude <= tolerance)
            #expect(value.sign == (format.isSigned && code >= magnitudes ? .minus : .plus))
        }
    }

    @Test("every level has its own code, and its neighbours are told apart", arguments: splits)
    func levelsSurvive(float: FloatFormat) {
        let format = NumberFormat(.float(float))
        #expect(zip(format.levels, format.levels.dropFirst()).allSatisfy { $0 < $1 })
        for (code, value) in format.values.enumerated() where value.isFinite {
            for rounding in [Rounding.nearestEven, .nearestAway, .down, .towardZero, .offset(0.4)] {
                #expect(Int(format.code(of: value, rounding: rounding)) == code)
            }
            var generator = TestGenerator(state: 1)
            #expect(Int(format.code(of: value, stochasticallyUsing: &generator)) == code)
        }
        if let largest = format.levels.last {
            #expect(format.rounded(.infinity) == largest)
            #expect(format.rounded(.greatestFiniteMagnitude) == largest)
        }
    }

    @Test("names are the inverse of descriptions", arguments: splits)
    func splitNamesAreFound(format: FloatFormat) {
        #expect(FloatFormat(named: format.description) == format, "\(format)")
        #expect(NumberFormat(named: format.description.uppercased())?.definition == .float(format))
    }

    @Test("known formats have names, and bits for their codes")
    func knownFormatsAreFound() {
        let names = NumberFormat.known.map(\.description)
        #expect(Set(names).count == names.count)
        for format in NumberFormat.known {
            #expect(NumberFormat(named: format.description) == format, "\(format)")
            #expect(format.values.count <= 1 << format.bits)
            #expect(format.values.count > 1 << (format.bits - 1))
        }
        for type in ElementType.allCases {
            let format = NumberFormat(type)
            #expect((format != nil) == (type.bits <= 8 && type != .bool))
            if let format { #expect(format.bits == type.bits) }
        }
    }

    @Test(
        "a name that no format has is refused",
        arguments: [
            "", "e", "e4", "m3", "e4m", "e0m3", "e9m0", "e4m5", "ue5m4", "e4m3b", "e4m3bx",
            "e4m3b+1",
            "e4m3 ", "e4m3fnx", "ue4m3fnuz", "shift1", "shift9", "pot04", "nf5", "levels1",
            "levels257", "int1n", "int9n", "e4m3bnan", "e4m3binf", "e4m3b1e9", "e٤m3",
        ])
    func otherNamesAreRefused(name: String) {
        #expect(NumberFormat(named: name) == nil)
    }

    @Test("NaN stays NaN, or is the level nearest to zero")
    func nanHasACode() {
        for format in NumberFormat.known {
            let value = format.rounded(.nan)
            let least = format.levels.map(\.magnitude).min()
            #expect(format.values.contains(where: \.isNaN) ? value.isNaN : value.magnitude == least)
        }
    }

    @Test("overflow is infinity, NaN or the largest level, as the format has it")
    func overflowIsAsAsked() {
        #expect(NumberFormat.e5m2.code(of: 61440, overflow: .special) == 0x7C)
        #expect(NumberFormat.e5m2.code(of: 61439.996, overflow: .special) == 0x7B)
        #expect(NumberFormat.e5m2.code(of: -1e9, overflow: .special) == 0xFC)
        #expect(NumberFormat.e4m3.code(of: 464, overflow: .special) == 0x7E)
        #expect(NumberFormat.e4m3.code(of: 464.00003, overflow: .special) == 0x7F)
        #expect(NumberFormat.e4m3.code(of: 464.00003, rounding: .down, overflow: .special) == 0x7E)
        #expect(NumberFormat.e4m3fnuz.code(of: 248, overflow: .special) == 0x80)
        #expect(NumberFormat.e2m1.code(of: 1e9, overflow: .special) == 7)
        #expect(NumberFormat.int(4).code(of: -.infinity, overflow: .special) == 0)
    }
}
