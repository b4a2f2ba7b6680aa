import HalftoneFormats

/// A row of blocks whose scales are there and whose codes are still to be found, one value after
/// another in any order: the grid that error compensation rounds to.
///
/// Scales are those that ``BlockCodec`` finds for the values, and stay.
public struct BlockRow: Sendable {
    /// The encoding.
    public let type: BlockType
    private let form: BlockSearch.Form
    private var blocks: [BlockSearch.Block] = []
    /// By part of the row.
    private var scales: [Float] = []
    private var offsets: [Float] = []

    /// Whether a type's scales are searched, so that rows can be rounded column by column.
    public static func has(_ type: BlockType) -> Bool { BlockSearch.Form(type) != nil }

    /// Finds the scales of a row.
    ///
    /// - Parameters:
    ///   - type: One that ``has(_:)`` is true for.
    ///   - values: Finite, a positive multiple of the block size.
    ///   - importance: What the squared error of each value counts, at least 0; nil for 1.
    /// - Throws: ``BlockError`` for another type, another number of values, and scales beyond the
    ///   range of binary16.
    public init(
        _ type: BlockType, _ values: [Float], importance: [Float]? = nil
    ) throws(BlockError) {
        guard let form = BlockSearch.Form(type) else { throw .noEncoder(type) }
        guard !values.isEmpty, values.count.isMultiple(of: type.blockSize) else {
            throw .columnsDoNotDivide(type: type, columns: values.count)
        }
        self.type = type
        self.form = form
        for first in stride(from: 0, to: values.count, by: type.blockSize) {
            let range = first..<first + type.blockSize
            let block = BlockSearch.block(
                values[range], importance: importance?[range], form)
            try BlockEncoding.check([block.unit, block.offsetUnit], of: type, element: first)
            blocks.append(block)
            scales += block.scales.map { block.unit * Float($0) }
            offsets += block.offsets.map { block.offsetUnit * Float($0) }
        }
    }

    /// Rounds a value to the nearest that its column can hold, and notes the code.
    ///
    /// - Returns: The value as it is decoded.
    public mutating func round(_ value: Float, at column: Int) -> Float {
        let part = column / form.part
        let (scale, offset) = (scales[part], offsets[part])
        let code = form.levels.code(scale == 0 ? 0 : (value + offset) / scale)
        let (block, place) = column.quotientAndRemainder(dividingBy: type.blockSize)
        blocks[block].codes[place] = code
        return scale * form.levels.level(code) - offset
    }

    /// The blocks as a file holds them, with the codes that were noted last.
    public var bytes: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(blocks.count * type.bytesPerBlock)
        for block in blocks { _ = BlockEncoding.append(type, block, &output) }
        return output
    }
}
