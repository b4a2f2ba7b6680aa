/// A key by name or place.
struct RecipeKey: CodingKey {
    var stringValue: String
    var intValue: Int?

    init(stringValue: String) { self.stringValue = stringValue }
    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }
}

struct RecipeMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RecipeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    var allKeys: [Key] {
        guard case .mapping(let members) = decoder.node.kind else { return [] }
        // Whoever asks for all keys knows them all.
        for member in members { decoder.report.ask(member.key, in: decoder.path) }
        return members.filter { !decoder.isRoot || $0.key != "version" }
            .compactMap { Key(stringValue: $0.key) }
    }

    private static func find(_ key: String, in node: RecipeNode?) -> RecipeNode? {
        guard case .mapping(let members)? = node?.kind else { return nil }
        return members.first { $0.key == key }?.node
    }

    /// The decoder of a member, or of its default when the member is not there.
    private func member(_ key: any CodingKey) -> RecipeDecoder? {
        decoder.report.ask(key.stringValue, in: decoder.path)
        let own = Self.find(key.stringValue, in: decoder.node)
        let fallback = Self.find(key.stringValue, in: decoder.fallback)
        guard var node = own ?? fallback else { return nil }
        if own == nil { node.line = decoder.node.line }
        return RecipeDecoder(node, fallback, codingPath + [key], decoder.report)
    }

    private func missing(_ key: any CodingKey) -> RecipeDecoder.Reported {
        let path = decoder.path
        decoder.report.add(
            "is missing", path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)",
            line: decoder.node.line)
        return RecipeDecoder.Reported()
    }

    func contains(_ key: Key) -> Bool { member(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { member(key)?.node.isNull ?? true }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        if let member = member(key) { return try member.value(type) }
        let error = missing(key)
        // Nothing stands there: what nothing becomes, if the type has a placeholder.
        let nothing = RecipeNode(kind: .scalar("", isPlain: true), line: decoder.node.line)
        let place = RecipeDecoder(nothing, nil, codingPath + [key], decoder.report)
        guard RecipeDecoder.wordFor(type) != nil else { throw error }
        return try place.value(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        guard let member = member(key) else { throw missing(key) }
        return try member.container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        guard let member = member(key) else { throw missing(key) }
        return try member.unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        try superDecoder(named: RecipeKey(stringValue: "super"))
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try superDecoder(named: key) }

    private func superDecoder(named key: any CodingKey) throws -> any Decoder {
        guard let member = member(key) else { throw missing(key) }
        return member
    }
}

struct RecipeItems: UnkeyedDecodingContainer {
    let decoder: RecipeDecoder
    let items: [RecipeNode]
    private(set) var currentIndex = 0

    init(decoder: RecipeDecoder, items: [RecipeNode]) {
        self.decoder = decoder
        self.items = items
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex >= items.count }

    private mutating func next() throws -> RecipeDecoder {
        guard !isAtEnd else {
            decoder.report.add(
                "has \(items.count) entries; more are wanted", decoder.path,
                line: decoder.node.line)
            throw RecipeDecoder.Reported()
        }
        defer { currentIndex += 1 }
        return RecipeDecoder(
            items[currentIndex], nil, codingPath + [RecipeKey(intValue: currentIndex)],
            decoder.report)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, items[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try next().value(type)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { try next() }
}

struct RecipeSingle: SingleValueDecodingContainer {
    let decoder: RecipeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.node.isNull }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.value(type) }
}
