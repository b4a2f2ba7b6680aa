import Foundation

/// What a run was asked to do, in a form that can be stored and compared.
///
/// Two recipes are the same when they state the same values at the same key paths; the order of
/// keys, spaces and the spelling of a number (`1`, `1.0`) do not count. Leave out of a recipe what
/// may differ between a run and its resumption, such as the number of threads.
public struct RunRecipe: Sendable, Equatable {
    /// The document as it is stored: JSON with sorted keys, or the given text.
    public let bytes: [UInt8]
    /// Whether the document is JSON.
    public let isJSON: Bool
    /// Key paths with their values, sorted by path: `layers[2].bits` and `4`.
    let fields: [String: String]
    /// SHA-256 of the key paths and their values, in hexadecimal digits.
    public let digest: String

    /// Takes a value that states the recipe.
    ///
    /// - Throws: What its `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .halftone
        try self.init(json: Array(encoder.encode(value)) + [UInt8(ascii: "\n")])
    }

    /// Takes a JSON document.
    ///
    /// - Throws: `DecodingError` when it is none.
    public init(json bytes: [UInt8]) throws {
        let tree = try JSONDecoder().decode(RecipeTree.self, from: Data(bytes))
        var fields: [String: String] = [:]
        tree.collect(into: &fields, path: "")
        self.init(bytes: bytes, isJSON: true, fields: fields)
    }

    /// Takes any text; it is compared line by line.
    public init(text: String) {
        var fields: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            fields["line \(index + 1)"] = String(line)
        }
        self.init(bytes: Array(text.utf8), isJSON: false, fields: fields)
    }

    private init(bytes: [UInt8], isJSON: Bool, fields: [String: String]) {
        self.bytes = bytes
        self.isJSON = isJSON
        self.fields = fields
        var sum = SHA256()
        for key in fields.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            // Lengths keep a value with a line end from looking like two fields.
            let value = fields[key] ?? ""
            sum.update(Array("\(key.utf8.count) \(key) \(value.utf8.count) \(value)\n".utf8))
        }
        digest = sum.hexadecimal()
    }

    /// Key paths with their values as JSON spells them, in the order of their bytes:
    /// `layers[2].bits` and `4`.
    public var settings: [(path: String, value: String)] {
        fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (path: $0.key, value: $0.value) }
    }

    /// What differs between a stored recipe and this one, a line for each key path.
    ///
    /// - Parameter stored: The recipe of the run.
    public func differences(from stored: RunRecipe) -> [String] {
        Set(fields.keys).union(stored.fields.keys)
            .filter { fields[$0] != stored.fields[$0] }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            .map { key in
                let there = stored.fields[key].map { "\($0) in the run" } ?? "absent in the run"
                let here = fields[key].map { "\($0) now" } ?? "absent now"
                return "\(key): \(there), \(here)"
            }
    }

    /// Reads the recipe as a value.
    ///
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .halftone
        return try decoder.decode(type, from: Data(bytes))
    }

    /// Whether both state the same values.
    public static func == (left: RunRecipe, right: RunRecipe) -> Bool {
        left.digest == right.digest && left.isJSON == right.isJSON
    }
}

/// A JSON document whose numbers have one spelling each.
private enum RecipeTree: Decodable {
    case leaf(String)
    case list([RecipeTree])
    case object([String: RecipeTree])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .leaf("null")
        } else if let value = try? container.decode(Bool.self) {
            self = .leaf("\(value)")
        } else if let value = try? container.decode(Int64.self) {
            self = .leaf("\(value)")
        } else if let value = try? container.decode(UInt64.self) {
            self = .leaf("\(value)")
        } else if let value = try? container.decode(Double.self) {
            self = .leaf("\(value)")
        } else if let value = try? container.decode(String.self) {
            self = .leaf("\"\(value)\"")
        } else if let value = try? container.decode([RecipeTree].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: RecipeTree].self))
        }
    }

    func collect(into fields: inout [String: String], path: String) {
        switch self {
        case .leaf(let text): fields[path.isEmpty ? "value" : path] = text
        case .list(let items):
            if items.isEmpty { fields[path] = "[]" }
            for (index, item) in items.enumerated() {
                item.collect(into: &fields, path: "\(path)[\(index)]")
            }
        case .object(let members):
            if members.isEmpty { fields[path] = "{}" }
            for (key, member) in members {
                member.collect(into: &fields, path: path.isEmpty ? key : "\(path).\(key)")
            }
        }
    }
}

extension JSONEncoder.NonConformingFloatEncodingStrategy {
    /// Infinity and NaN as strings, since JSON has no numbers for them.
    static var halftone: Self {
        .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }
}

extension JSONDecoder.NonConformingFloatDecodingStrategy {
    /// What ``Foundation/JSONEncoder/NonConformingFloatEncodingStrategy/halftone`` wrote.
    static var halftone: Self {
        .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }
}
