import HalftoneFormats

extension BlockType {
    /// Where in a block its binary16 scales are, all of which multiply what the block holds; empty
    /// for types without.
    var scaleOffsets: [Int] {
        switch self {
        case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        default: []
        }
    }
}

extension BlockMatrix {
    /// Whether each block has binary16 scales that multiply all of it.
    public var hasBlockScales: Bool { !type.scaleOffsets.isEmpty }

    /// The same codes with other scales.
    ///
    /// - Parameter factors: For each block, `[rows, columns / blockSize]`.
    /// - Throws: ``BlockError/outOfRange(type:element:value:)`` for a scale that becomes infinite.
    public func scalingBlocks(by factors: [Float]) throws(BlockError) -> BlockMatrix {
        precondition(
            hasBlockScales && factors.count * type.bytesPerBlock == bytes.count,
            "a factor for each block")
        var changed = bytes.array
        for (block, factor) in factors.enumerated() {
            for offset in type.scaleOffsets {
                let place = block * type.bytesPerBlock + offset
                let bits = UInt16(changed[place]) | UInt16(changed[place + 1]) << 8
                let scale = SmallFloat.float16(bits) * factor
                let stored = SmallFloat.float16Bits(scale)
                guard SmallFloat.float16(stored).isFinite else {
                    throw .outOfRange(
                        type: type, element: block * type.blockSize,
                        value: "in a block of scale \(scale)")
                }
                changed[place] = UInt8(truncatingIfNeeded: stored)
                changed[place + 1] = UInt8(truncatingIfNeeded: stored >> 8)
            }
        }
        return try BlockMatrix(type: type, rows: rows, columns: columns, bytes: Bytes(changed))
    }
}
