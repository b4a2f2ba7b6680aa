import HalftoneFormats

/// Between float32 values and the blocks of a GGUF tensor encoding.
public enum BlockCodec {
    /// The types that `encode` writes.
    ///
    /// Plain numbers and the types without sub-scales but IQ4_NL and NVFP4 have an exact rule, so
    /// that any encoder gives the same bytes. For the others scales are searched; the squared error
    /// is at most that of rounding to nearest.
    public static let encodableTypes: [BlockType] = [
        .f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .tq1_0, .tq2_0, .mxfp4, .q1_0, .q2_0,
        .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS, .nvfp4,
    ]

    /// Decodes whole blocks and appends their values to an array.
    ///
    /// The products and sums are those of the reference decoder, each rounded to float32, so that
    /// results are equal bit for bit. Any bytes decode; damaged scales give NaN or infinity.
    ///
    /// - Parameters:
    ///   - type: Any type but Q8_1 and Q8_K.
    ///   - bytes: A whole number of blocks.
    ///   - output: Grows by `blockSize` values per block.
    /// - Throws: ``BlockError/notAWeightType(_:)`` or ``BlockError/partialBlock(type:bytes:)``.
    public static func decode(
        _ type: BlockType, _ bytes: Bytes, into output: inout [Float]
    ) throws(BlockError) {
        try decode(type, bytes, into: &output, form: .best)
    }

    /// The values of a given form of the decoder, so that tests can compare forms.
    package static func decode(
        _ type: BlockType, _ bytes: Bytes, into output: inout [Float], form: KernelForm
    ) throws(BlockError) {
        try checkHoldsWeights(type)
        guard bytes.count.isMultiple(of: type.bytesPerBlock) else {
            throw .partialBlock(type: type, bytes: bytes.count)
        }
        let blocks = bytes.count / type.bytesPerBlock
        let count = blocks.multipliedReportingOverflow(by: type.blockSize)
        guard !count.overflow, count.partialValue <= .max / 8 else {
            throw .tooLarge(type: type, rows: blocks, columns: type.blockSize)
        }
        output += unsafe [Float](unsafeUninitializedCapacity: count.partialValue) { room, filled in
            unsafe bytes.withUnsafeBytes { buffer in
                guard let from = buffer.baseAddress, let to = room.baseAddress else { return }
                unsafe BlockDecoding.decode(type, from: from, blocks: blocks, into: to, form: form)
            }
            filled = count.partialValue
        }
    }

    /// Encodes rows of values: by the rule of the reference encoder, byte for byte, where there is
    /// one, else with the scales that a search finds.
    ///
    /// - Parameters:
    ///   - type: One of ``encodableTypes``.
    ///   - values: `[rows, columns]`, row after row.
    ///   - columns: A positive multiple of the block size.
    ///   - importance: What the squared error of each column counts, such as the mean square of its
    ///     activations: `columns` numbers of at least 0; nil for 1. Q4_0, Q4_1, Q5_0, Q5_1, K-quants,
    ///     IQ4 and NVFP4 search with it; the rules of the other types have no use for it.
    /// - Throws: ``BlockError``: importance of another size, no encoder, sizes that do not divide, a value that is not finite
    ///   (block types only: F32, F16 and BF16 hold NaN and infinity), or one that is too large.
    public static func encode(
        _ type: BlockType, _ values: [Float], columns: Int, importance: [Float]? = nil
    ) throws(BlockError) -> [UInt8] {
        if let importance {
            guard importance.count == columns, importance.allSatisfy({ $0 >= 0 && $0.isFinite })
            else { throw .badImportance(columns: columns, found: importance.count) }
        }
        guard columns > 0, columns.isMultiple(of: type.blockSize) else {
            throw .columnsDoNotDivide(type: type, columns: columns)
        }
        guard values.count.isMultiple(of: columns) else {
            throw .partialRow(type: type, values: values.count, columns: columns)
        }
        guard encodableTypes.contains(type) else { throw .noEncoder(type) }
        return try BlockEncoding.encode(type, values, importance: importance)
    }

    static func checkHoldsWeights(_ type: BlockType) throws(BlockError) {
        if type == .q8_1 || type == .q8_K { throw .notAWeightType(type) }
    }
}
