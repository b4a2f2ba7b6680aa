/// Reads values from nodes and goes on after a wrong one, so that all wrong ones are found.
struct RecipeDecoder: Decoder {
    let node: RecipeNode
    /// The default for the same place.
    let fallback: RecipeNode?
    let codingPath: [any CodingKey]
    let report: RecipeReport
    let isRoot: Bool
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(
        _ node: RecipeNode, _ fallback: RecipeNode?, _ path: [any CodingKey],
        _ report: RecipeReport, isRoot: Bool = false
    ) {
        self.node = node
        self.fallback = fallback
        codingPath = path
        self.report = report
        self.isRoot = isRoot
    }

    /// Thrown where something was reported and nothing can take the value's place.
    struct Reported: Error {}

    var path: String {
        codingPath.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }

    func report(wanted: String) {
        report.add("\(wanted) is wanted, not \(node.spelling)", path, line: node.line)
    }

    /// The value, or a placeholder after its problem was reported.
    func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let wanted = Self.wordFor(type) {
            if let value = scalar(type) { return value }
            report(wanted: wanted)
            if let value = Self.placeholder(type) { return value }
            throw Reported()
        }
        if let choices = choices(type), let first = choices.first {
            if let text = node.string, let match = choices.first(where: { $0.name == text }) {
                return match.value
            }
            let names = choices.map(\.name)
            let near = node.string.flatMap { RecipeReport.nearest(to: $0, among: names) }
            let hint = near.map { "; did you mean \"\($0)\"?" } ?? ""
            report.add(
                "one of \(names.joined(separator: ", ")) is wanted, not \(node.spelling)\(hint)",
                path,
                line: node.line)
            return first.value
        }
        do {
            return try Value(from: self)
        } catch {
            if !(error is Reported) {
                report.add(Self.words(error), path, line: node.line)
            }
            if let empty = Self.empty(type) { return empty }
            throw Reported()
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .mapping = node.kind else {
            report(wanted: "a group of keys")
            throw Reported()
        }
        report.visit(node, path)
        return KeyedDecodingContainer(RecipeMembers<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .sequence(let items) = node.kind else {
            report(wanted: "a list")
            throw Reported()
        }
        return RecipeItems(decoder: self, items: items)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        RecipeSingle(decoder: self)
    }

    private static func words(_ error: any Error) -> String {
        if case DecodingError.dataCorrupted(let context) = error { return context.debugDescription }
        return "\(error)"
    }
}

extension RecipeDecoder {
    /// What a type of the standard library is called in messages.
    static func wordFor<Value>(_ type: Value.Type) -> String? {
        switch type {
        case is Bool.Type: "true or false"
        case is String.Type: "text"
        case is Double.Type, is Float.Type: "a number"
        case let integer as any FixedWidthInteger.Type: Self.range(integer)
        default: nil
        }
    }

    private static func range<Integer: FixedWidthInteger>(_ type: Integer.Type) -> String {
        Integer.bitWidth == 64
            ? Integer.isSigned ? "a whole number" : "a whole number from 0 on"
            : "a whole number from \(Integer.min) to \(Integer.max)"
    }

    private func scalar<Value>(_ type: Value.Type) -> Value? {
        func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Any? {
            if case .scalar(let text, true) = node.kind, let value = Integer(text) { return value }
            return node.integer.flatMap { Integer(exactly: $0) }
        }
        switch type {
        case is Bool.Type: return node.bool as? Value
        case is String.Type: return node.string as? Value
        case is Double.Type: return node.number as? Value
        case is Float.Type: return node.number.map { Float($0) } as? Value
        case let type as any FixedWidthInteger.Type: return integer(type) as? Value
        default: return nil
        }
    }

    private static func placeholder<Value>(_ type: Value.Type) -> Value? {
        func zero<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Any { Integer.zero }
        switch type {
        case is Bool.Type: return false as? Value
        case is String.Type: return "" as? Value
        case is Double.Type: return 0.0 as? Value
        case is Float.Type: return Float(0) as? Value
        case let type as any FixedWidthInteger.Type: return zero(type) as? Value
        default: return nil
        }
    }

    private static func empty<Value>(_ type: Value.Type) -> Value? {
        func make<Items: RangeReplaceableCollection>(_ type: Items.Type) -> Any { Items() }
        guard let items = type as? any RangeReplaceableCollection.Type else { return nil }
        return make(items) as? Value
    }

    /// The cases of an enumeration whose raw values are words.
    private func choices<Value>(_ type: Value.Type) -> [(name: String, value: Value)]? {
        func all<Cases: CaseIterable>(_ type: Cases.Type) -> [Any] { Array(Cases.allCases) }
        func name<Case: RawRepresentable>(_ value: Case) -> String? { value.rawValue as? String }
        guard let cases = type as? any CaseIterable.Type else { return nil }
        var result: [(name: String, value: Value)] = []
        for item in all(cases) {
            guard let value = item as? Value, let raw = item as? any RawRepresentable,
                let name = name(raw)
            else { return nil }
            result.append((name, value))
        }
        return result
    }
}
