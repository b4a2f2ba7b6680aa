import HalftoneFormats
import _HalftoneShims

/// The decoders: the definition of every type, and the choice of a faster form.
///
/// The functions named after a type decode one block. They use few operations and in the order of
/// the reference decoder, since each rounds: a scale is multiplied out first, then meets the code.
enum BlockDecoding {
    /// One block at an address to its values.
    typealias Decoder = (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void

    /// Decodes consecutive blocks.
    ///
    /// - Parameters:
    ///   - type: Any type but Q8_1 and Q8_K, which give zeros.
    ///   - bytes: `blocks · bytesPerBlock` bytes; no alignment is needed.
    ///   - output: Room for `blocks · blockSize` values.
    @unsafe
    static func decode(
        _ type: BlockType, from bytes: UnsafeRawPointer, blocks: Int,
        into output: UnsafeMutablePointer<Float>, form: KernelForm = .best
    ) {
        if type == .f32 {
            return unsafe UnsafeMutableRawPointer(output)
                .copyMemory(from: bytes, byteCount: 4 * blocks)
        }
        if form == .best, Processor.hasAVX2,
            unsafe halftone_blocks_decode_avx2(type.rawValue, bytes, Int64(blocks), output) != 0
        {
            return
        }
        let start = unsafe bytes.assumingMemoryBound(to: UInt8.self)
        let size = type.bytesPerBlock
        let elements = type.blockSize
        @inline(__always) func each(_ decoder: Decoder) {
            for block in 0..<blocks {
                unsafe decoder(start + block &* size, output + block &* elements)
            }
        }
        switch type {
        case .f32, .q8_1, .q8_K: unsafe output.update(repeating: 0, count: blocks * elements)
        case .f16: unsafe f16(start, count: blocks, output)
        case .bf16: unsafe each(bf16)
        case .f64: unsafe each(f64)
        case .i8: unsafe each { unsafe $1[0] = Float(Int8(bitPattern: $0[0])) }
        case .i16: unsafe each { unsafe $1[0] = Float(integer($0, as: Int16.self)) }
        case .i32: unsafe each { unsafe $1[0] = Float(integer($0, as: Int32.self)) }
        case .i64: unsafe each { unsafe $1[0] = Float(integer($0, as: Int64.self)) }
        case .q4_0: unsafe each(q4_0)
        case .q4_1: unsafe each(q4_1)
        case .q5_0: unsafe each(q5_0)
        case .q5_1: unsafe each(q5_1)
        case .q8_0: unsafe each(q8_0)
        case .q2_K: unsafe each(q2_K)
        case .q3_K: unsafe each(q3_K)
        case .q4_K: unsafe each(q4_K)
        case .q5_K: unsafe each(q5_K)
        case .q6_K: unsafe each(q6_K)
        case .iq4_NL: unsafe each(iq4_NL)
        case .iq4_XS: unsafe each(iq4_XS)
        case .mxfp4: unsafe each(mxfp4)
        case .nvfp4: unsafe each(nvfp4)
        case .tq1_0: unsafe each(tq1_0)
        case .tq2_0: unsafe each(tq2_0)
        case .q1_0: unsafe each(q1_0)
        case .q2_0: unsafe each(q2_0)
        case .iq2_XXS: unsafe each(iq2_XXS)
        case .iq2_XS: unsafe each(iq2_XS)
        case .iq2_S: unsafe each(iq2_S)
        case .iq3_XXS: unsafe each(iq3_XXS)
        case .iq3_S: unsafe each(iq3_S)
        case .iq1_S: unsafe each(iq1_S)
        case .iq1_M: unsafe each(iq1_M)
        }
    }

    /// The binary16 number at an address.
    @inline(__always) @unsafe
    static func half(_ address: UnsafePointer<UInt8>) -> Float {
        unsafe SmallFloat.float16(integer(address, as: UInt16.self))
    }

    /// The little-endian integer at an address.
    @inline(__always) @unsafe
    static func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ address: UnsafePointer<UInt8>, as type: Integer.Type
    ) -> Integer {
        let raw = unsafe UnsafeRawPointer(address).loadUnaligned(as: Integer.self)
        return Integer(littleEndian: raw)
    }
}
