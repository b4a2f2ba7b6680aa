import HalftoneFormats
import _HalftoneShims

/// Products of rows of blocks with one float32 vector.
///
/// The definition is: decode, multiply, add. The forms differ in the order of the sum only.
enum BlockDot {
    /// Floats that a row is decoded to at a time, where there is no better way.
    private static let chunk = 2048

    /// Multiplies consecutive rows.
    ///
    /// - Parameters:
    ///   - type: Any type but Q8_1 and Q8_K.
    ///   - rows: `rowCount · rowBytes` bytes; no alignment is needed.
    ///   - input: As many values as a row has, a multiple of the block size.
    ///   - output: Room for `rowCount` values.
    @unsafe
    static func dot(
        _ type: BlockType, rows: UnsafeRawPointer, rowBytes: Int, rowCount: Int,
        input: PreparedVector, into output: UnsafeMutablePointer<Float>, form: KernelForm
    ) {
        if form == .best, Processor.hasAVX2,
            unsafe halftone_blocks_dot_avx2(
                type.rawValue, rows, Int64(rowBytes), Int64(rowCount), Int64(input.count),
                input.values, input.sumsOf16, output) != 0
        {
            return
        }
        let start = unsafe rows.assumingMemoryBound(to: UInt8.self)
        switch type {
        case .q8_0, .q4_0, .q4_1:
            for row in 0..<rowCount {
                let bytes = unsafe start + row * rowBytes
                switch type {
                case .q8_0: unsafe output[row] = q8_0(bytes, input)
                case .q4_0: unsafe output[row] = q4_0(bytes, input)
                default: unsafe output[row] = q4_1(bytes, input)
                }
            }
        default:
            unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: chunk) { scratch in
                guard let scratch = scratch.baseAddress else { return }
                for row in 0..<rowCount {
                    unsafe output[row] = decoded(
                        type, start + row * rowBytes, input, scratch, form)
                }
            }
        }
    }

    /// One row through a buffer of decoded weights.
    @unsafe
    private static func decoded(
        _ type: BlockType, _ row: UnsafePointer<UInt8>, _ input: PreparedVector,
        _ scratch: UnsafeMutablePointer<Float>, _ form: KernelForm
    ) -> Float {
        let count = unsafe input.count
        var sum: Float = 0
        var done = 0
        while done < count {
            let step = min(chunk, count - done)
            let bytes = unsafe row + done / type.blockSize * type.bytesPerBlock
            unsafe BlockDecoding.decode(
                type, from: bytes, blocks: step / type.blockSize, into: scratch, form: form)
            unsafe sum += product(scratch, input.values + done, count: step, form)
            done += step
        }
        return sum
    }

    @inline(__always) @unsafe
    private static func product(
        _ weights: UnsafePointer<Float>, _ values: UnsafePointer<Float>, count: Int,
        _ form: KernelForm
    ) -> Float {
        var result: Float = 0
        if form == .best, Processor.hasAVX2,
            unsafe halftone_blocks_dot_avx2(
                BlockType.f32.rawValue, weights, 0, 1, Int64(count), values, values, &result) != 0
        {
            return result
        }
        return unsafe FloatKernels.dot(weights, values, count: count)
    }

    @unsafe
    private static func q8_0(_ row: UnsafePointer<UInt8>, _ input: PreparedVector) -> Float {
        var sum = SIMD8<Float>.zero
        for block in unsafe 0..<input.count / 32 {
            let bytes = unsafe row + block &* 34
            let values = unsafe input.values + block &* 32
            var part = SIMD8<Float>.zero
            for run in 0..<4 {
                let codes = unsafe UnsafeRawPointer(bytes + (2 &+ 8 &* run))
                    .loadUnaligned(as: SIMD8<Int8>.self)
                unsafe part += floats(codes) * FloatRun.load(values + 8 &* run)
            }
            unsafe sum += part * BlockDecoding.half(bytes)
        }
        return VectorMath.sum(sum)
    }

    @unsafe
    private static func q4_0(_ row: UnsafePointer<UInt8>, _ input: PreparedVector) -> Float {
        var sum = SIMD8<Float>.zero
        for block in unsafe 0..<input.count / 32 {
            let bytes = unsafe row + block &* 18
            let part = unsafe nibbles(bytes + 2, input.values + block &* 32, offset: 8)
            unsafe sum += part * BlockDecoding.half(bytes)
        }
        return VectorMath.sum(sum)
    }

    @unsafe
    private static func q4_1(_ row: UnsafePointer<UInt8>, _ input: PreparedVector) -> Float {
        var sum = SIMD8<Float>.zero
        var offset: Float = 0
        for block in unsafe 0..<input.count / 32 {
            let bytes = unsafe row + block &* 20
            let part = unsafe nibbles(bytes + 4, input.values + block &* 32, offset: 0)
            unsafe sum += part * BlockDecoding.half(bytes)
            let total = unsafe input.sumsOf16[2 &* block] + input.sumsOf16[2 &* block &+ 1]
            unsafe offset += BlockDecoding.half(bytes + 2) * total
        }
        return VectorMath.sum(sum) + offset
    }

    /// Eight partial sums of `(code − offset) · value` over 32 codes in 16 bytes.
    @inline(__always) @unsafe
    private static func nibbles(
        _ codes: UnsafePointer<UInt8>, _ values: UnsafePointer<Float>, offset: Int8
    ) -> SIMD8<Float> {
        var part = SIMD8<Float>.zero
        for run in 0..<2 {
            let bytes = unsafe UnsafeRawPointer(codes + 8 &* run)
                .loadUnaligned(as: SIMD8<UInt8>.self)
            let low = SIMD8<Int8>(truncatingIfNeeded: bytes & 15) &- offset
            let high = SIMD8<Int8>(truncatingIfNeeded: bytes &>> 4) &- offset
            unsafe part += floats(low) * FloatRun.load(values + 8 &* run)
            unsafe part += floats(high) * FloatRun.load(values + (16 &+ 8 &* run))
        }
        return part
    }

    @inline(__always)
    private static func floats(_ codes: SIMD8<Int8>) -> SIMD8<Float> {
        SIMD8<Float>(SIMD8<Int32>(truncatingIfNeeded: codes))
    }
}
