/// An input vector as signed bytes with a scale per run of 32, for products with integer codes.
///
/// A run's scale is its largest magnitude / 127, and each value the nearest multiple of it (ties to
/// even), so a value is off by at most half of that: 1/254 of the largest of its run.
@unsafe
public struct QuantizedVector {
    /// Values in a run.
    public static let runLength = 32

    /// The multiples, −127 to 127, zeros behind the last value up to the end of its run.
    public let codes: UnsafePointer<Int8>

    /// The scale of each run; 0 for a run of zeros.
    public let scales: UnsafePointer<Float>

    /// The sums of each 16 of the values that codes and scales stand for.
    public let sumsOf16: UnsafePointer<Float>

    /// The number of values: the matrix's columns.
    public let count: Int

    /// Calls a closure with a vector rounded to bytes.
    ///
    /// - Parameters:
    ///   - values: `count` finite values.
    ///   - count: At least 1.
    ///   - body: Uses the result, which is valid only during the call.
    @unsafe
    static func quantize<Result>(
        _ values: UnsafePointer<Float>, count: Int, _ body: (QuantizedVector) -> Result
    ) -> Result {
        let runs = unsafe (count + runLength - 1) / runLength
        return unsafe withUnsafeTemporaryAllocation(
            byteCount: runs * (runLength + 3 * MemoryLayout<Float>.size), alignment: 64
        ) { memory in
            let base = memory.baseAddress!
            let codes = unsafe base.assumingMemoryBound(to: Int8.self)
            let scales = unsafe (base + runs * runLength).assumingMemoryBound(to: Float.self)
            let sums = unsafe scales + runs
            for run in 0..<runs {
                let start = unsafe run * runLength
                unsafe quantizeRun(
                    values + start, count: min(runLength, count - start), codes + start,
                    scale: scales + run, sums: sums + 2 * run)
            }
            return unsafe body(
                QuantizedVector(codes: codes, scales: scales, sumsOf16: sums, count: count))
        }
    }

    @unsafe
    private static func quantizeRun(
        _ values: UnsafePointer<Float>, count: Int, _ codes: UnsafeMutablePointer<Int8>,
        scale: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>
    ) {
        var most = SIMD8<Float>.zero
        for part in 0..<4 {
            let eight = unsafe eight(part, of: values, count: count)
            most = VectorMath.larger(most, VectorMath.magnitude(eight))
        }
        var largest: Float = 0
        for lane in 0..<8 where most[lane] > largest { largest = most[lane] }
        let inverse = largest > 0 ? 127 / largest : 0
        unsafe scale.pointee = largest / 127
        for half in 0..<2 {
            var total: Int32 = 0
            for part in 2 * half..<2 * half + 2 {
                // Adding 1.5 · 2²³ leaves the nearest integer in the low bits.
                let eight = unsafe eight(part, of: values, count: count)
                let shifted = eight * inverse + 0x1.8p23
                let integers =
                    VectorMath.signed(VectorMath.bits(shifted))
                    &- SIMD8(repeating: Int32(bitPattern: Float(0x1.8p23).bitPattern))
                total &+= integers.wrappedSum()
                let bytes = SIMD8<Int8>(truncatingIfNeeded: integers)
                unsafe UnsafeMutableRawPointer(codes + 8 * part).storeBytes(
                    of: bytes, as: SIMD8<Int8>.self)
            }
            unsafe sums[half] = scale.pointee * Float(total)
        }
    }

    /// Eight values of a run, zeros behind the last.
    @inline(__always) @unsafe
    private static func eight(
        _ part: Int, of values: UnsafePointer<Float>, count: Int
    ) -> SIMD8<Float> {
        let rest = count - 8 * part
        guard rest < 8 else { return unsafe FloatRun.load(values + 8 * part) }
        return rest <= 0
            ? .zero : unsafe FloatRun.load(values + 8 * part, count: rest, padding: 0)
    }

    /// The sums of groups of values.
    ///
    /// - Parameters:
    ///   - groupSize: A multiple of 16; the last group may be shorter.
    ///   - sums: Room for one float per group.
    @unsafe
    func sumGroups(of groupSize: Int, into sums: UnsafeMutablePointer<Float>) {
        let parts = unsafe (count + 15) / 16
        var group = 0
        for start in stride(from: 0, to: parts, by: groupSize / 16) {
            unsafe sums[group] = FloatRun.sum(
                sumsOf16 + start, count: min(groupSize / 16, parts - start), { $0 })
            group += 1
        }
    }
}
