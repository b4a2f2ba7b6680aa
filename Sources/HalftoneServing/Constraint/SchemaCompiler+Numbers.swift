import HalftoneFiles

extension SchemaCompiler {
    /// Whole numbers, within bounds where there are some.
    mutating func integer(_ schema: JSONObject) throws(SchemaError) -> [Symbol] {
        var least = try schema.bound("minimum", rounding: .up)
        var most = try schema.bound("maximum", rounding: .down)
        if let above = try schema.bound("exclusiveMinimum", rounding: .down) {
            least = max(least ?? .min, above + 1)
        }
        if let below = try schema.bound("exclusiveMaximum", rounding: .up) {
            most = min(most ?? .max, below - 1)
        }
        let largest = Self.largestInteger
        let (low, high) = (max(least ?? -largest, -largest), min(most ?? largest, largest))
        guard low <= high else { throw .malformed("no whole number is within the bounds") }
        var alternatives: [[Symbol]] = []
        if low < 0 {
            let magnitudes = try digits(max(1, -min(high, -1)), -low)
            alternatives += magnitudes.map { GrammarBuilder.literal("-") + $0 }
        }
        if high >= 0 { alternatives += try digits(max(low, 0), high) }
        return [try builder.rule(alternatives)]
    }

    /// The largest whole number that is written: 15 digits, which every reader keeps exactly.
    private static let largestInteger = 999_999_999_999_999

    /// Decimal numbers; bounds can be that they are not negative, or not positive.
    mutating func number(_ schema: JSONObject) throws(SchemaError) -> [Symbol] {
        var signs: [[Symbol]] = [[], GrammarBuilder.literal("-")]
        for (name, value) in schema.members {
            switch (name, value) {
            case ("minimum", .integer(0)), ("minimum", .number(0)): signs = [[]]
            case ("minimum", _), ("maximum", _), ("exclusiveMinimum", _), ("exclusiveMaximum", _):
                throw .unsupported(
                    name, "bounds of decimal numbers are known as a minimum of 0 only")
            default: break
            }
        }
        let digit = GrammarBuilder.byte(ByteSet(0x30...0x39))
        let whole = try builder.rule(digits(0, Self.largestInteger))
        let fraction = try builder.optional(
            GrammarBuilder.literal(".") + builder.repeated(digit, least: 1, most: 16))
        let exponent = try builder.optional(
            GrammarBuilder.byte(ByteSet(0x45...0x45, 0x65...0x65))
                + builder.optional(GrammarBuilder.byte(ByteSet(0x2B...0x2B, 0x2D...0x2D)))
                + builder.repeated(digit, least: 1, most: 2))
        return [try builder.rule(signs)] + [whole] + fraction + exponent
    }

    /// The spellings of the numbers from `low` to `high`, neither negative, without leading zeros.
    private mutating func digits(_ low: Int, _ high: Int) throws(SchemaError) -> [[Symbol]] {
        var all: [[Symbol]] = []
        var start = low
        while start <= high {
            let length = String(start).count
            let end = min(high, Self.power(length) - 1)
            all += try sameLength(Array(String(start).utf8)[...], Array(String(end).utf8)[...])
            start = end + 1
        }
        return all
    }

    /// The spellings between two numbers of as many digits.
    private mutating func sameLength(
        _ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>
    ) throws(SchemaError) -> [[Symbol]] {
        guard let from = low.first, let to = high.first else { return [[]] }
        let (lowRest, highRest) = (low.dropFirst(), high.dropFirst())
        let isLowEven = lowRest.allSatisfy { $0 == 0x30 }
        let isHighEven = highRest.allSatisfy { $0 == 0x39 }
        let any = try builder.repeated(
            GrammarBuilder.byte(ByteSet(0x30...0x39)), least: lowRest.count, most: lowRest.count)
        func all(_ from: UInt8, _ to: UInt8) -> [[Symbol]] {
            from <= to ? [[.bytes(ByteSet(from...to))] + any] : []
        }
        if isLowEven, isHighEven { return all(from, to) }
        func beginning(_ digit: UInt8, _ rests: [[Symbol]]) -> [[Symbol]] {
            rests.map { [.bytes(ByteSet(digit...digit))] + $0 }
        }
        if from == to { return beginning(from, try sameLength(lowRest, highRest)) }
        let nines = highRest.map { _ in UInt8(0x39) }[...]
        let zeros = lowRest.map { _ in UInt8(0x30) }[...]
        return (isLowEven ? all(from, from) : beginning(from, try sameLength(lowRest, nines)))
            + all(from + 1, to - 1)
            + (isHighEven ? all(to, to) : beginning(to, try sameLength(zeros, highRest)))
    }

    private static func power(_ exponent: Int) -> Int {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }
}

extension JSONObject {
    /// A bound of whole numbers, or nil where there is none.
    func bound(
        _ name: String, rounding rule: FloatingPointRoundingRule
    ) throws(SchemaError) -> Int? {
        switch self[name] {
        case nil: return nil
        case .integer(let value) where value.magnitude < 1 << 60: return value
        case .number(let value) where abs(value) < 0x1p60: return Int(value.rounded(rule))
        default: throw .malformed("\(name) is a number of at most 60 bits")
        }
    }
}
