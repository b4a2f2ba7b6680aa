import HalftoneCheckpoints

/// Why files do not make a model.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No architecture of this name is built in.
    case unknownArchitecture(String, known: [String])
    /// A configuration key is missing, of the wrong kind or out of range.
    case badConfiguration(key: String, found: String, wanted: String)
    /// A setting is valid but not supported here.
    case unsupported(key: String, value: String, hint: String)
    /// Names and shapes of tensors do not agree with the configuration.
    case tensorMismatch(missing: [String], misshapen: [String])
    /// A tensor's encoding cannot be used as weights.
    case unreadableTensor(name: String, reason: String)
    /// The packed weights of another program are damaged or of a kind that is not read.
    case checkpoint(CheckpointError)
    /// The path is neither a model folder nor a model file.
    case notAModel(path: String, reason: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unknownArchitecture(let name, let known):
            "architecture \"\(name)\" is not supported; supported are \(known.joined(separator: ", "))"
        case .badConfiguration(let key, let found, let wanted):
            "configuration \"\(key)\": found \(found), wanted \(wanted)"
        case .unsupported(let key, let value, let hint):
            "\(key) \"\(value)\" is not supported; \(hint)"
        case .tensorMismatch(let missing, let misshapen):
            Self.describe(missing: missing, misshapen: misshapen)
        case .unreadableTensor(let name, let reason):
            "tensor \(name): \(reason)"
        case .checkpoint(let error): error.description
        case .notAModel(let path, let reason):
            "\(path) is not a model: \(reason)"
        }
    }

    private static func describe(missing: [String], misshapen: [String]) -> String {
        var lines: [String] = []
        if !missing.isEmpty {
            lines.append("\(missing.count) tensors are missing: " + some(of: missing))
        }
        if !misshapen.isEmpty {
            lines.append("\(misshapen.count) tensors have another shape: " + some(of: misshapen))
        }
        return lines.joined(separator: "; ")
    }

    private static func some(of names: [String]) -> String {
        let shown = names.prefix(6).joined(separator: ", ")
        return names.count > 6 ? shown + " and \(names.count - 6) more" : shown
    }
}
