import HalftoneFormats

/// Why weights cannot be quantized, or parts do not make a quantized matrix.
public enum QuantizationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A shape or a group size that no matrix has.
    case invalidShape(rows: Int, columns: Int, granularity: Granularity)
    /// A part has another number of bytes than format and shape need; 0 when it is missing.
    case wrongSize(part: String, found: Int, expected: Int)
    /// A part that the format does not have.
    case unexpectedPart(String)
    /// A stored scale, or the factor of all, that is not a finite number.
    case notFinite(part: String, index: Int)
    /// A weight that is not a finite number.
    case weightNotFinite(row: Int, column: Int, value: String)
    /// A scale beyond the range of the format that it is to be stored in.
    case scaleTooLarge(row: Int, column: Int, scale: Float, format: ScaleFormat)
    /// Scales per column, which products of packed integer rows cannot take out of their sums.
    case scalesPerColumn
    /// Importance that is not one number of at least 0 for each column.
    case badImportance(String)
    /// Statistics of a layer's inputs that do not serve the method.
    case badStatistics(String)
    /// A form that no matrix of the shape has, or that cannot hold the weights.
    case badForm(String)
    /// Parts that do not fit together.
    case badParts(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .invalidShape(let rows, let columns, let granularity):
            """
            no matrix has \(rows) rows of \(columns) columns with scales per \(granularity); \
            group sizes go from 1 to \(1 << 20)
            """
        case .wrongSize(let part, let found, let expected):
            "the \(part) take \(found) bytes; format and shape need \(expected)"
        case .unexpectedPart(let part):
            "there are \(part), which the format does not have"
        case .notFinite(let part, let index):
            "\(part) \(index) is not a finite number; the checkpoint is damaged"
        case .weightNotFinite(let row, let column, let value):
            "the weight in row \(row), column \(column) is \(value); only numbers can be rounded"
        case .scaleTooLarge(let row, let column, let scale, let format):
            """
            the group at row \(row), column \(column) needs a scale of \(scale), beyond the range \
            of \(format.elementType.rawValue); F32 or BF16 scales reach further
            """
        case .scalesPerColumn:
            "packed integers have scales per tensor, channel or group, not per column"
        case .badImportance(let reason), .badStatistics(let reason), .badForm(let reason),
            .badParts(let reason):
            reason
        }
    }
}
