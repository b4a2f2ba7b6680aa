import HalftoneFormats

/// Why a packed checkpoint of another program was refused, or cannot be written.
public enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting has a value that is valid but not read here.
    case unsupported(setting: String, found: String, supported: String)
    /// A setting is missing, of the wrong kind or out of range.
    case badSetting(key: String, found: String, wanted: String)
    /// A tensor that the layout needs is not there.
    case missingTensor(String)
    /// The elements of a tensor have a type that the layout does not allow.
    case wrongType(tensor: String, found: String, allowed: [ElementType])
    /// A tensor has a shape that does not fit the others or the settings.
    case wrongShape(tensor: String, found: [Int], wanted: String)
    /// The numbers of a tensor contradict themselves, another tensor or the settings.
    case badContent(tensor: String, reason: String)
    /// A matrix cannot be written exactly in a layout.
    case notRepresentable(module: String, layout: String, reason: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unsupported(let setting, let found, let supported):
            "\(setting) \"\(found)\" is not read; \(supported)"
        case .badSetting(let key, let found, let wanted):
            "\(key) of the quantization settings: found \(found), wanted \(wanted)"
        case .missingTensor(let name): "tensor \(name) is missing"
        case .wrongType(let tensor, let found, let allowed):
            "tensor \(tensor) has type \(found); "
                + allowed.map(\.rawValue).joined(separator: " or ") + " is wanted"
        case .wrongShape(let tensor, let found, let wanted):
            "tensor \(tensor) has shape \(found); \(wanted)"
        case .badContent(let tensor, let reason): "tensor \(tensor): \(reason)"
        case .notRepresentable(let module, let layout, let reason):
            "\(module) cannot be written as \(layout): \(reason)"
        }
    }
}
