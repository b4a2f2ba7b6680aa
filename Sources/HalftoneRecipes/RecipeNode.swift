import Foundation
import Yams

/// A value of a document with its line.
struct RecipeNode {
    struct Member {
        var key: String
        var line: Int
        var node: RecipeNode
    }

    indirect enum Kind {
        /// Text as it was written, and whether without quotes.
        case scalar(String, isPlain: Bool)
        case sequence([RecipeNode])
        case mapping([Member])
    }

    var kind: Kind
    var line: Int

    private static let maximumByteCount = 1 << 20
    private static let maximumNodeCount = 100_000

    /// Reads YAML, and so JSON too.
    ///
    /// - Throws: ``RecipeProblem``.
    static func parse(_ text: String) throws -> RecipeNode {
        guard text.utf8.count <= maximumByteCount else {
            throw RecipeProblem(line: 1, path: "", message: "longer than \(maximumByteCount) bytes")
        }
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw RecipeProblem(line: 1, path: "", message: "the document is empty")
            }
            var count = 0
            return try RecipeNode(node, count: &count)
        } catch let error as YamlError {
            throw problem(error)
        }
    }

    /// Takes a value apart.
    static func parse(encoding value: some Encodable) throws -> RecipeNode {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: ".inf", negativeInfinity: "-.inf", nan: ".nan")
        return try parse(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    init(kind: Kind, line: Int) {
        self.kind = kind
        self.line = line
    }

    private init(_ node: Node, count: inout Int) throws {
        let line = node.mark?.line ?? 1
        self.line = line
        count += 1
        guard count <= Self.maximumNodeCount else {
            throw RecipeProblem(
                line: line, path: "", message: "more than \(Self.maximumNodeCount) values")
        }
        switch node {
        case .scalar(let scalar):
            kind = .scalar(scalar.string, isPlain: scalar.style == .plain || scalar.style == .any)
        case .sequence(let sequence):
            var items: [RecipeNode] = []
            for item in sequence { items.append(try RecipeNode(item, count: &count)) }
            kind = .sequence(items)
        case .mapping(let mapping):
            var members: [Member] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw RecipeProblem(line: line, path: "", message: "a key that is not a word")
                }
                members.append(
                    Member(
                        key: name.string, line: key.mark?.line ?? line,
                        node: try RecipeNode(value, count: &count)))
            }
            kind = .mapping(members)
        case .alias:
            throw RecipeProblem(line: line, path: "", message: "an alias of nothing")
        }
    }

    private static func problem(_ error: YamlError) -> RecipeProblem {
        switch error {
        case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _),
            .composer(_, let text, let mark, _):
            RecipeProblem(line: mark.line, path: "", message: "not YAML: \(text)")
        case .duplicatedKeysInMapping(let keys, let context):
            RecipeProblem(
                line: context.mark.line, path: "",
                message: "keys that are there twice: \(keys.joined(separator: ", "))")
        default:
            RecipeProblem(line: 1, path: "", message: "not YAML: \(error)")
        }
    }

    var isNull: Bool {
        if case .scalar(let text, true) = kind { return ["", "~", "null"].contains(text) }
        return false
    }

    var bool: Bool? {
        guard case .scalar(let text, true) = kind else { return nil }
        return text == "true" ? true : text == "false" ? false : nil
    }

    /// A whole number, also as `1e6`.
    var integer: Int? {
        guard case .scalar(let text, true) = kind else { return nil }
        return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }

    var number: Double? {
        guard case .scalar(let text, let isPlain) = kind else { return nil }
        switch text {
        case ".inf": return .infinity
        case "-.inf": return -.infinity
        case ".nan": return .nan
        default: return isPlain ? Double(text) : nil
        }
    }

    /// Text; a number or a truth value has to be quoted to be one.
    var string: String? {
        guard case .scalar(let text, let isPlain) = kind else { return nil }
        return isPlain && (isNull || bool != nil || number != nil) ? nil : text
    }

    /// What is there, in words.
    var spelling: String {
        switch kind {
        case .sequence: "a list"
        case .mapping: "a group of keys"
        case .scalar(let text, let isPlain):
            isNull ? "nothing" : isPlain && string == nil ? text : "the text \"\(text.prefix(40))\""
        }
    }

    /// The line of a key path, or of the part of it that is there.
    func line(of path: String) -> Int {
        var node = self
        var line = line
        for part in path.split(whereSeparator: { ".[]".contains($0) }) {
            switch node.kind {
            case .mapping(let members):
                guard let member = members.first(where: { $0.key == part }) else { return line }
                (node, line) = (member.node, member.line)
            case .sequence(let items):
                guard let index = Int(part), items.indices.contains(index) else { return line }
                node = items[index]
                line = node.line
            case .scalar: return line
            }
        }
        return line
    }
}
