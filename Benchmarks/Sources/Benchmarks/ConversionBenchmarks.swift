import HalftoneFormats

/// The 16-bit and 8-bit formats, to float and back, beside a table of all their values.
func conversionBenchmarks() -> [BenchmarkGroup] {
    [
        decoding(Half.self), decoding(Brain.self), decoding(E4M3.self),
        encoding(Half.self), encoding(Brain.self), encoding(E4M3.self),
    ]
}

/// A format that is converted; a type rather than closures, so that no call is timed with it.
private protocol Conversion {
    associatedtype Pattern: FixedWidthInteger & UnsignedInteger
    static var name: String { get }
    static var exponentBits: Int { get }
    static var mantissaBits: Int { get }
    /// Patterns from 0 that are finite; they ascend.
    static var finiteCount: Int { get }
    static func decode(_ bits: Pattern) -> Float
    static func encode(_ value: Float) -> Pattern
}

private enum Half: Conversion {
    static let name = "f16"
    static let (exponentBits, mantissaBits, finiteCount) = (5, 10, 0x7C00)
    static func decode(_ bits: UInt16) -> Float { SmallFloat.float16(bits) }
    static func encode(_ value: Float) -> UInt16 { SmallFloat.float16Bits(value) }
}

private enum Brain: Conversion {
    static let name = "bf16"
    static let (exponentBits, mantissaBits, finiteCount) = (8, 7, 0x7F80)
    static func decode(_ bits: UInt16) -> Float { SmallFloat.bfloat16(bits) }
    static func encode(_ value: Float) -> UInt16 { SmallFloat.bfloat16Bits(value) }
}

private enum E4M3: Conversion {
    static let name = "f8"
    static let (exponentBits, mantissaBits, finiteCount) = (4, 3, 0x7F)
    static func decode(_ bits: UInt8) -> Float { NumberFormat.e4m3.value(of: bits) }
    static func encode(_ value: Float) -> UInt8 { NumberFormat.e4m3.code(of: value) }
}

extension Conversion {
    /// The value of every pattern, by the definition.
    static var table: [Float] {
        (0...Int(Pattern.max)).map {
            let isHole = exponentBits == 4 && $0 & 0x7F == 0x7F
            return isHole
                ? .nan
                : value(ofPattern: $0, exponentBits: exponentBits, mantissaBits: mantissaBits)
        }
    }
}

/// 65,536 patterns to float: by a table, and by arithmetic on bits.
private func decoding<Format: Conversion>(_ format: Format.Type) -> BenchmarkGroup {
    let patterns = (0..<(1 << 16)).map { Format.Pattern(truncatingIfNeeded: $0) }
    let table = Format.table
    let wrong = patterns.filter {
        let (found, expected) = (Format.decode($0), table[Int($0)])
        return !(found.isNaN && expected.isNaN) && found.bitPattern != expected.bitPattern
    }
    let name = "decode-\(Format.name)"
    return BenchmarkGroup(
        name: name,
        members: [
            Benchmark(
                name: "\(name)/table",
                run: {
                    var sum: UInt32 = 0
                    for pattern in patterns { sum &+= table[Int(pattern)].bitPattern }
                    return Float(sum)
                },
                check: { nil }),
            Benchmark(
                name: "\(name)/bits",
                run: {
                    var sum: UInt32 = 0
                    for pattern in patterns { sum &+= Format.decode(pattern).bitPattern }
                    return Float(sum)
                },
                check: { wrong.isEmpty ? nil : "\(wrong.count) patterns decode to other values" }),
        ])
}

/// 4,096 floats of the format's range to patterns: by search in the table of values, and by
/// arithmetic on bits.
private func encoding<Format: Conversion>(_ format: Format.Type) -> BenchmarkGroup {
    let table = Array(Format.table[0..<Format.finiteCount])
    // Spread evenly over the patterns, so that all exponents occur, and between two values each.
    let inputs = (0..<4096).map { index -> Float in
        let place = Double(table.count - 1) * (Double(index) + 0.37) / 4096
        let (low, high) = (Double(table[Int(place)]), Double(table[Int(place) + 1]))
        return Float(low + (high - low) * (place - place.rounded(.down)))
    }
    let wrong = inputs.filter { Int(Format.encode($0)) != nearest($0, in: table) }
    let name = "encode-\(Format.name)"
    return BenchmarkGroup(
        name: name,
        members: [
            Benchmark(
                name: "\(name)/search",
                run: { Float(inputs.reduce(0) { $0 &+ nearest($1, in: table) }) },
                check: { nil }),
            Benchmark(
                name: "\(name)/bits",
                run: { Float(inputs.reduce(0) { $0 &+ Int(Format.encode($1)) }) },
                check: { wrong.isEmpty ? nil : "\(wrong.count) values take another pattern" }),
        ])
}

/// The place of the value nearest to a number within the range of an ascending table, the even
/// place on ties.
private func nearest(_ value: Float, in table: [Float]) -> Int {
    var (low, high) = (0, table.count - 1)
    while high - low > 1 {
        let middle = (low + high) / 2
        if table[middle] <= value { low = middle } else { high = middle }
    }
    let below = Double(value) - Double(table[low])
    let above = Double(table[high]) - Double(value)
    return below < above || (below == above && low % 2 == 0) ? low : high
}

/// The value of a pattern by the definition of its format; the largest exponent is infinity or NaN
/// in the 16-bit formats and a number in the 8-bit one.
private func value(ofPattern bits: Int, exponentBits: Int, mantissaBits: Int) -> Float {
    let bias = (1 << (exponentBits - 1)) - 1
    let exponent = bits >> mantissaBits & ((1 << exponentBits) - 1)
    let mantissa = bits & ((1 << mantissaBits) - 1)
    let sign: Double = bits >> (exponentBits + mantissaBits) & 1 == 0 ? 1 : -1
    if exponentBits > 4, exponent == (1 << exponentBits) - 1 {
        return mantissa == 0 ? Float(sign) * .infinity : .nan
    }
    let fraction = Double(mantissa) / Double(1 << mantissaBits)
    let power = Double(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
    return Float(sign * power * (exponent == 0 ? fraction : 1 + fraction))
}
