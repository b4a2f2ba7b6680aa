import HalftoneFiles

/// Typed, range-checked access to a `config.json` or to the architecture keys of a GGUF file.
///
/// Every accessor names the key in its error. Absent keys take the class default, as the format
/// wants it.
public struct ConfigurationReader: Sendable {
    private let lookup: @Sendable (String) -> JSONValue?

    /// Reads members of a JSON object.
    public init(_ object: JSONValue) {
        lookup = { key in
            guard let value = object[key], value != .null else { return nil }
            return value
        }
    }

    /// Reads keys through a closure, for sources that are not JSON.
    public init(lookup: @escaping @Sendable (String) -> JSONValue?) {
        self.lookup = lookup
    }

    /// The raw value of a key; null counts as absent.
    public subscript(key: String) -> JSONValue? { lookup(key) }

    /// A whole number within a range.
    public func integer(
        _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...(1 << 24)
    ) throws(ModelError) -> Int {
        guard let value = lookup(key) else {
            if let fallback { return fallback }
            throw .badConfiguration(key: key, found: "nothing", wanted: "a whole number")
        }
        guard let number = value.integer, range.contains(number) else {
            throw .badConfiguration(
                key: key, found: "\(value)",
                wanted: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A finite number.
    public func number(_ key: String, default fallback: Double? = nil) throws(ModelError) -> Double
    {
        guard let value = lookup(key) else {
            if let fallback { return fallback }
            throw .badConfiguration(key: key, found: "nothing", wanted: "a number")
        }
        guard let number = value.double, number.isFinite else {
            throw .badConfiguration(key: key, found: "\(value)", wanted: "a finite number")
        }
        return number
    }

    /// A finite number above zero.
    public func positive(
        _ key: String, default fallback: Double? = nil
    ) throws(ModelError) -> Double {
        let value = try number(key, default: fallback)
        guard value > 0 else {
            throw .badConfiguration(key: key, found: "\(value)", wanted: "a number above zero")
        }
        return value
    }

    /// A number, or nil when the key is absent.
    public func optionalNumber(_ key: String) throws(ModelError) -> Double? {
        lookup(key) == nil ? nil : try number(key)
    }

    /// A truth value.
    public func bool(_ key: String, default fallback: Bool) throws(ModelError) -> Bool {
        guard let value = lookup(key) else { return fallback }
        guard let bool = value.bool else {
            throw .badConfiguration(key: key, found: "\(value)", wanted: "true or false")
        }
        return bool
    }

    /// A text.
    public func string(_ key: String, default fallback: String? = nil) throws(ModelError) -> String
    {
        guard let value = lookup(key) else {
            if let fallback { return fallback }
            throw .badConfiguration(key: key, found: "nothing", wanted: "a text")
        }
        guard let string = value.string else {
            throw .badConfiguration(key: key, found: "\(value)", wanted: "a text")
        }
        return string
    }

    /// The members of an object as a reader of their own, or nil when the key is absent.
    public func object(_ key: String) throws(ModelError) -> ConfigurationReader? {
        guard let value = lookup(key) else { return nil }
        guard value.object != nil else {
            throw .badConfiguration(key: key, found: "\(value)", wanted: "an object")
        }
        return ConfigurationReader(value)
    }

    /// Numbers of a list, all finite.
    public func numbers(_ key: String, count: Int) throws(ModelError) -> [Float] {
        let values = lookup(key)?.array?.compactMap(\.double).filter(\.isFinite) ?? []
        guard values.count == count else {
            throw .badConfiguration(
                key: key, found: "\(values.count) numbers", wanted: "\(count) finite numbers")
        }
        return values.map { Float($0) }
    }

    /// The activation function under a key.
    public func activation(
        _ key: String, default fallback: String
    ) throws(ModelError) -> MLPSpec.Activation {
        let name = try string(key, default: fallback)
        switch name {
        case "silu", "swish": return .silu
        case "gelu_pytorch_tanh", "gelu_new", "gelu_fast": return .geluTanh
        case "gelu": return .gelu
        case "relu": return .relu
        default:
            throw .unsupported(
                key: key, value: name, hint: "silu, gelu, gelu_new, gelu_pytorch_tanh and relu are")
        }
    }
}
