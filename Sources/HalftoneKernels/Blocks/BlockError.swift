import HalftoneFormats

/// Why blocks could not be made, read or written.
public enum BlockError: Error, Sendable, Equatable {
    /// The type is used inside dot products and never holds weights.
    case notAWeightType(BlockType)

    /// A row does not hold a whole number of blocks, or a size is negative.
    case columnsDoNotDivide(type: BlockType, columns: Int)

    /// The number of bytes is not that of the shape.
    case wrongSize(type: BlockType, rows: Int, columns: Int, expected: Int, found: Int)

    /// The shape has more bytes than an `Int` counts.
    case tooLarge(type: BlockType, rows: Int, columns: Int)

    /// The number of bytes is not a whole number of blocks.
    case partialBlock(type: BlockType, bytes: Int)

    /// The number of values is not a whole number of rows.
    case partialRow(type: BlockType, values: Int, columns: Int)

    /// Importance that is not one finite number of at least 0 for each column.
    case badImportance(columns: Int, found: Int)

    /// There is no encoder for the type.
    case noEncoder(BlockType)

    /// A value is NaN or infinite, and blocks hold neither.
    case notFinite(type: BlockType, element: Int, value: String)

    /// A value, or the scale that its block needs, is beyond the largest binary16 number.
    case outOfRange(type: BlockType, element: Int, value: String)
}

extension BlockError: CustomStringConvertible {
    /// What was found and what would do.
    public var description: String {
        switch self {
        case .notAWeightType(let type):
            return "\(type.name) is a type of intermediate results, not of weights"
        case .columnsDoNotDivide(let type, let columns):
            return "rows of \(columns) are not a multiple of the \(type.blockSize) elements "
                + "of a \(type.name) block"
        case .wrongSize(let type, let rows, let columns, let expected, let found):
            return "a \(type.name) matrix of \(rows) rows and \(columns) columns takes "
                + "\(expected) bytes, not \(found)"
        case .tooLarge(let type, let rows, let columns):
            return "a \(type.name) matrix of \(rows) rows and \(columns) columns does not fit "
                + "into memory"
        case .partialBlock(let type, let bytes):
            return "\(bytes) bytes are not a multiple of the \(type.bytesPerBlock) bytes of a "
                + "\(type.name) block"
        case .partialRow(let type, let values, let columns):
            return "\(values) values are not a multiple of rows of \(columns) for \(type.name)"
        case .badImportance(let columns, let found):
            return "importance has to be a finite number of at least 0 for each of \(columns) "
                + "columns; there are \(found)"
        case .noEncoder(let type):
            return "\(type.name) can be read but not written; all others but the IQ1, IQ2 and "
                + "IQ3 types can"
        case .notFinite(let type, let element, let value):
            return "element \(element) is \(value), which \(type.name) cannot hold"
        case .outOfRange(let type, let element, let value):
            return "element \(element) is \(value), beyond the range of \(type.name)"
        }
    }
}
