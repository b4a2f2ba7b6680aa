import HalftoneFormats

/// The encoders.
///
/// Those of types with an exact rule give the bytes of the reference; the others
/// search with ``BlockSearch``.
///
/// By the exact rules, codes come from the float32 scale before it is rounded to binary16, and from products with its
/// reciprocal, not quotients.
enum BlockEncoding {
    /// Encodes whole blocks.
    ///
    /// - Parameter importance: One number per column; nil for 1.
    static func encode(
        _ type: BlockType, _ values: [Float], importance: [Float]?
    ) throws(BlockError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(values.count / type.blockSize * type.bytesPerBlock)
        if type.isPlain {
            for (element, value) in values.enumerated() {
                try appendPlain(type, value, element, &output)
            }
            return output
        }
        if let element = values.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(type: type, element: element, value: "\(values[element])")
        }
        for start in stride(from: 0, to: values.count, by: type.blockSize) {
            let block = values[start..<start + type.blockSize]
            let weights = importance.map {
                $0[start % $0.count..<start % $0.count + type.blockSize]
            }
            let used = output.count
            let scales: [Float]
            switch type {
            case .q4_0 where weights == nil: scales = signed(block, bits: 4, &output)
            case .q5_0 where weights == nil: scales = signed(block, bits: 5, &output)
            case .q4_1 where weights == nil: scales = affine(block, bits: 4, &output)
            case .q5_1 where weights == nil: scales = affine(block, bits: 5, &output)
            case .q8_0: scales = q8_0(block, &output)
            case .tq1_0: scales = tq1_0(block, &output)
            case .tq2_0: scales = tq2_0(block, &output)
            case .q1_0: scales = q1_0(block, &output)
            case .q2_0: scales = q2_0(block, &output)
            case .mxfp4: scales = mxfp4(block, &output)
            case .nvfp4:
                try nvfp4(block, weights, &output)
                scales = []
            default:
                guard let form = BlockSearch.Form(type) else { throw .noEncoder(type) }
                scales = append(
                    type, BlockSearch.block(block, importance: weights, form), &output)
            }
            try check(scales, of: type, element: start)
            assert(output.count == used + type.bytesPerBlock)
        }
        return output
    }

    /// Refuses scales beyond the largest binary16 number.
    static func check(_ scales: [Float], of type: BlockType, element: Int) throws(BlockError) {
        for scale in scales where !SmallFloat.float16(SmallFloat.float16Bits(scale)).isFinite {
            throw .outOfRange(type: type, element: element, value: "in a block of scale \(scale)")
        }
    }

    private static func appendPlain(
        _ type: BlockType, _ value: Float, _ element: Int, _ output: inout [UInt8]
    ) throws(BlockError) {
        switch type {
        case .f32:
            let bits = value.bitPattern
            for shift in [0, 8, 16, 24] {
                output.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift)))
            }
        case .f16:
            let bits = SmallFloat.float16Bits(value)
            if value.isFinite, bits & 0x7C00 == 0x7C00 {
                throw .outOfRange(type: type, element: element, value: "\(value)")
            }
            append(bits, &output)
        case .bf16:
            append(SmallFloat.bfloat16Bits(value), &output)
        default:
            throw .noEncoder(type)
        }
    }

    /// Appends a little-endian 16-bit number.
    static func append(_ bits: UInt16, _ output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: bits))
        output.append(UInt8(truncatingIfNeeded: bits >> 8))
    }

    /// Appends a scale as binary16.
    static func appendHalf(_ value: Float, _ output: inout [UInt8]) {
        append(SmallFloat.float16Bits(value), &output)
    }

    /// 1 / d, or 0 for a block of zeros.
    static func reciprocal(_ d: Float) -> Float { d == 0 ? 0 : 1 / d }

    /// The integer part of a value held within `0 ... maximum`; 0 for NaN, which only a subnormal
    /// scale can cause.
    static func truncated(_ value: Float, maximum: UInt8) -> UInt8 {
        guard value > 0 else { return 0 }
        return value >= Float(maximum) ? maximum : UInt8(value)
    }

    /// The nearest integer, halves away from zero, held within `±limit`; 0 for NaN.
    static func nearest(_ value: Float, limit: Int32) -> Int32 {
        let magnitude = value.magnitude
        guard magnitude < Float(limit) else { return value.isNaN ? 0 : value < 0 ? -limit : limit }
        let whole = Int32(magnitude)
        let rounded = magnitude - Float(whole) >= 0.5 ? whole + 1 : whole
        return value < 0 ? -rounded : rounded
    }
}
