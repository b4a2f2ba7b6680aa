import HalftoneFormats

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The encoders by type: each appends one block and returns the scales that became binary16.
extension BlockEncoding {
    /// Q4_0 and Q5_0: the value of largest magnitude becomes the most negative code.
    static func signed(
        _ x: ArraySlice<Float>, bits: Int, _ output: inout [UInt8]
    ) -> [Float] {
        var extreme: Float = 0
        for value in x where value.magnitude > extreme.magnitude { extreme = value }
        let middle = Float(1 << (bits - 1))
        let d = extreme / -middle
        let factor = reciprocal(d)
        let maximum = UInt8((1 << bits) - 1)
        appendHalf(d, &output)
        let codes = x.map { truncated($0 * factor + (middle + 0.5), maximum: maximum) }
        appendCodes(codes, bits: bits, &output)
        return [d]
    }

    /// Q4_1 and Q5_1: the smallest value becomes code 0, the largest the largest code.
    static func affine(
        _ x: ArraySlice<Float>, bits: Int, _ output: inout [UInt8]
    ) -> [Float] {
        var low = Float.infinity
        var high = -Float.infinity
        for value in x {
            if value < low { low = value }
            if value > high { high = value }
        }
        let maximum = UInt8((1 << bits) - 1)
        let d = (high - low) / Float(maximum)
        let factor = reciprocal(d)
        appendHalf(d, &output)
        appendHalf(low, &output)
        let codes = x.map { truncated(($0 - low) * factor + 0.5, maximum: maximum) }
        appendCodes(codes, bits: bits, &output)
        return [d, low]
    }

    /// 32 codes: the fifth bits as a word if there are any, then the nibbles.
    static func appendCodes(_ codes: [UInt8], bits: Int, _ output: inout [UInt8]) {
        if bits == 5 {
            var high: UInt32 = 0
            for (element, code) in codes.enumerated() {
                high |= UInt32(code >> 4) << UInt32(element)
            }
            append(UInt16(truncatingIfNeeded: high), &output)
            append(UInt16(truncatingIfNeeded: high >> 16), &output)
        }
        for j in 0..<16 { output.append(codes[j] & 15 | (codes[j + 16] & 15) << 4) }
    }

    static func q8_0(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        let d = largestMagnitude(x) / 127
        let factor = reciprocal(d)
        appendHalf(d, &output)
        for value in x {
            output.append(UInt8(truncatingIfNeeded: nearest(value * factor, limit: 127)))
        }
        return [d]
    }

    static func tq1_0(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        let d = largestMagnitude(x)
        let trits = ternary(x, d)
        // Each part: where it starts, how many bytes, how many trits in a byte.
        for (start, width, count) in [(0, 32, 5), (160, 16, 5), (240, 4, 4)] {
            for m in 0..<width {
                var number = 0
                for n in 0..<5 {
                    number = number * 3 + (n < count ? Int(trits[start + n * width + m]) : 0)
                }
                output.append(UInt8((number * 256 + 242) / 243))
            }
        }
        appendHalf(d, &output)
        return [d]
    }

    static func tq2_0(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        let d = largestMagnitude(x)
        let codes = ternary(x, d)
        for half in [0, 128] {
            for l in 0..<32 {
                let e = half + l
                let pair = codes[e] | codes[e + 32] << 2
                output.append(pair | codes[e + 64] << 4 | codes[e + 96] << 6)
            }
        }
        appendHalf(d, &output)
        return [d]
    }

    static func q1_0(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        var sum: Float = 0
        for value in x { sum += value.magnitude }
        let d = sum / 128
        appendHalf(d, &output)
        for byte in stride(from: x.startIndex, to: x.endIndex, by: 8) {
            output.append(
                (0..<8).reduce(0) { $0 | (x[byte + $1] >= 0 ? UInt8(1) << UInt8($1) : 0) })
        }
        return [d]
    }

    static func q2_0(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        let d = largestMagnitude(x)
        let codes = ternary(x, d)
        appendHalf(d, &output)
        for e in stride(from: 0, to: 64, by: 4) {
            output.append(codes[e] | codes[e + 1] << 2 | codes[e + 2] << 4 | codes[e + 3] << 6)
        }
        return [d]
    }

    /// The shared exponent is that of the largest magnitude less 2; codes are the nearest, the
    /// first one on ties.
    static func mxfp4(_ x: ArraySlice<Float>, _ output: inout [UInt8]) -> [Float] {
        let largest = largestMagnitude(x)
        // In float32 as in the reference: just below a power of two the logarithm rounds up.
        let exponent = largest > 0 ? Int(log2f(largest).rounded(.down)) - 2 + 127 : 0
        let e = UInt8(max(0, min(exponent, 254)))
        let scale = BlockDecoding.halfE8M0(e)
        output.append(e)
        let codes = x.map { value in
            var best: UInt8 = 0
            var least = Float.infinity
            for code in 0..<16 {
                let error = (scale * BlockDecoding.doubledE2M1[code] - value).magnitude
                if error < least { (best, least) = (UInt8(code), error) }
            }
            return best
        }
        appendCodes(codes, bits: 4, &output)
        return []
    }

    private static func largestMagnitude(_ x: ArraySlice<Float>) -> Float {
        x.reduce(0) { max($0, $1.magnitude) }
    }

    /// 0, 1 or 2 for −1, 0 and +1 times the scale, whichever is nearest.
    private static func ternary(_ x: ArraySlice<Float>, _ d: Float) -> [UInt8] {
        let factor = reciprocal(d)
        return x.map { UInt8(truncatingIfNeeded: nearest($0 * factor, limit: 1) + 1) }
    }
}
