/// Which weights of a matrix `[outFeatures, inFeatures]` share one scale.
public enum Granularity: Sendable, Hashable {
    /// One scale for the whole matrix.
    case tensor
    /// One scale per output row.
    case channel
    /// One scale per run of this many weights along a row; the last run of a row is shorter when
    /// the width is not a multiple.
    case group(Int)
    /// One scale per input column, the same for all rows.
    case column

    /// Weights that share a scale along a row of `inFeatures` weights.
    public func groupSize(inFeatures: Int) -> Int {
        switch self {
        case .column: 1
        case .tensor, .channel: max(inFeatures, 1)
        case .group(let size): size
        }
    }

    /// Scales along one row: the last group may be shorter.
    public func groupsPerRow(inFeatures: Int) -> Int {
        let size = groupSize(inFeatures: inFeatures)
        return (inFeatures + size - 1) / size
    }

    /// Scales of a matrix.
    public func scaleCount(rows: Int, columns: Int) -> Int {
        switch self {
        case .tensor: 1
        case .channel, .group: rows * groupsPerRow(inFeatures: columns)
        case .column: columns
        }
    }
}

extension Granularity: CustomStringConvertible {
    /// `tensor`, `channel`, `column` or the group size in digits.
    public var description: String {
        switch self {
        case .column: "column"
        case .tensor: "tensor"
        case .channel: "channel"
        case .group(let size): "\(size)"
        }
    }

    /// The granularity called `tensor`, `channel`, `column`, or by a group size of at least 1.
    public init?(named name: String) {
        switch name {
        case "tensor": self = .tensor
        case "channel": self = .channel
        case "column": self = .column
        default:
            // The comparison refuses other spellings of the number, such as `+32` and `032`.
            guard let size = Int(name), (1...(1 << 20)).contains(size), "\(size)" == name else {
                return nil
            }
            self = .group(size)
        }
    }
}

extension Granularity: Codable {
    /// Reads a granularity from its name, a string.
    ///
    /// - Throws: `DecodingError`, also for a name that ``init(named:)`` refuses.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let granularity = Self(named: name) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "a granularity is tensor, channel or a group size, not \(name)")
        }
        self = granularity
    }

    /// Writes the name as a string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
