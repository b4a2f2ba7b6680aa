import HalftoneFormats

/// The 16-bit and 8-bit formats, to float and back, beside a table of all their values.
func conversionBenchmarks() -> [BenchmarkGroup] {
    let halves = (0..<(1 << 16)).map { UInt16($0) }
    let halfTable = halves.map { value(ofPattern: Int($0), exponentBits: 5, mantissaBits: 10) }
    let brainTable = halves.map { value(ofPattern: Int($0), exponentBits: 8, mantissaBits: 7) }
    let codes = (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0) }
    let codeTable = codes.prefix(256).map {
        $0 & 0x7F == 0x7F ? .nan : value(ofPattern: Int($0), exponentBits: 4, mantissaBits: 3)
    }
    return [
        decoding("decode-f16", halves, table: halfTable) { SmallFloat.float16($0) },
        decoding("decode-bf16", halves, table: brainTable) { SmallFloat.bfloat16($0) },
        decoding("decode-f8", codes, table: codeTable) { SmallFloat.float8E4M3($0) },
        encoding("encode-f16", table: Array(halfTable[0..<0x7C00])) {
            Int(SmallFloat.float16Bits($0))
        },
        encoding("encode-bf16", table: Array(brainTable[0..<0x7F80])) {
            Int(SmallFloat.bfloat16Bits($0))
        },
        encoding("encode-f8", table: Array(codeTable[0..<0x7F])) {
            Int(SmallFloat.float8E4M3Bits($0))
        },
    ]
}

/// All patterns to float: by a table, and by arithmetic on bits.
///
/// Inlined, as the encoders are, so that what is timed is the conversion and not a call of a closure.
@inline(__always)
private func decoding<Pattern: FixedWidthInteger & UnsignedInteger>(
    _ name: String, _ patterns: [Pattern], table: [Float], _ decode: @escaping (Pattern) -> Float
) -> BenchmarkGroup {
    @inline(__always)
    func sum(_ convert: (Pattern) -> Float) -> Float {
        var total: Float = 0
        for pattern in patterns {
            let value = convert(pattern)
            total += value.isFinite ? value : 1
        }
        return total
    }
    let wrong = patterns.filter {
        let (found, expected) = (decode($0), table[Int($0)])
        return !(found.isNaN && expected.isNaN) && found.bitPattern != expected.bitPattern
    }
    return BenchmarkGroup(
        name: name,
        members: [
            Benchmark(
                name: "\(name)/table", run: { sum { table[Int($0)] } }, check: { nil }),
            Benchmark(
                name: "\(name)/bits", run: { sum(decode) },
                check: { wrong.isEmpty ? nil : "\(wrong.count) patterns decode to other values" }),
        ])
}

/// Floats of the format's range to patterns: by search in the table of values, and by arithmetic.
///
/// - Parameter table: The values of the non-negative finite patterns, in ascending order.
@inline(__always)
private func encoding(
    _ name: String, table: [Float], _ encode: @escaping (Float) -> Int
) -> BenchmarkGroup {
    let largest = table[table.count - 1]
    let smallest = table[1]
    // Even steps of the exponent, over all that the format can hold.
    let inputs = (0..<4096).map { index -> Float in
        let pattern = Float(table.count - 1) * (Float(index) + 0.37) / 4096
        let (low, high) = (table[Int(pattern)], table[min(Int(pattern) + 1, table.count - 1)])
        return min(max(low + (high - low) * (pattern - pattern.rounded(.down)), smallest), largest)
    }
    func search(_ value: Float) -> Int {
        var (low, high) = (0, table.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if table[middle] <= value { low = middle } else { high = middle }
        }
        let (below, above) = (
            Double(value) - Double(table[low]), Double(table[high]) - Double(value)
        )
        return below < above || (below == above && low % 2 == 0) ? low : high
    }
    @inline(__always)
    func sum(_ convert: (Float) -> Int) -> Float {
        Float(inputs.reduce(0) { $0 &+ convert($1) })
    }
    let wrong = inputs.filter { encode($0) != search($0) }
    return BenchmarkGroup(
        name: name,
        members: [
            Benchmark(name: "\(name)/search", run: { sum(search) }, check: { nil }),
            Benchmark(
                name: "\(name)/bits", run: { sum(encode) },
                check: { wrong.isEmpty ? nil : "\(wrong.count) values take another pattern" }),
        ])
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
