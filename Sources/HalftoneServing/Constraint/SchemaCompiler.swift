import HalftoneFiles

extension TokenConstraint {
    /// Answers that are JSON documents of a schema.
    ///
    /// Keywords that assert something are guaranteed or refused. Members come in the order of
    /// `properties` and are no others than those, `oneOf` is read as `anyOf`, and annotations are
    /// passed over. Numbers have at most 15 digits before the point and 16 behind it.
    ///
    /// - Parameters:
    ///   - schema: A JSON Schema (draft 2020-12): `type`, `enum`, `const`, `properties`,
    ///     `required`, `additionalProperties`, `items`, `prefixItems`, `minItems`, `maxItems`,
    ///     `minLength`, `maxLength`, `pattern`, `format`, bounds of integers, `anyOf`, `oneOf`,
    ///     `allOf` of one, and `$ref` within the document.
    ///   - vocabulary: The model's tokens.
    ///   - isCompact: Whether nothing but single spaces may stand between the parts of a document;
    ///     otherwise new lines with indents may, too.
    /// - Throws: ``SchemaError`` for anything that could not be guaranteed.
    public init(
        jsonSchema schema: JSONValue, vocabulary: TokenVocabulary, isCompact: Bool = false
    ) throws(SchemaError) {
        var compiler = try SchemaCompiler(root: schema, isCompact: isCompact)
        self.init(try compiler.grammar(), vocabulary: vocabulary)
    }

    /// Answers that are any JSON object.
    public init(anyObjectWith vocabulary: TokenVocabulary) throws(SchemaError) {
        try self.init(jsonSchema: ["type": "object"], vocabulary: vocabulary)
    }
}

/// Makes a grammar of the JSON documents of a schema.
struct SchemaCompiler {
    typealias Symbol = ByteGrammar.Symbol

    var builder = GrammarBuilder()
    private let root: JSONValue
    /// Rules of the schemas that are referred to, by their pointers.
    private var references: [String: Symbol] = [:]
    private var depth = 0

    /// Between tokens of the document: nothing, a space, or a new line with an indent.
    let space: Symbol
    private let character: Symbol
    private let anyValue: Symbol

    /// Schemas inside each other.
    private static let deepest = 48

    init(root: JSONValue, isCompact: Bool) throws(SchemaError) {
        self.root = root
        let blank = GrammarBuilder.byte(ByteSet(0x20...0x20, 0x09...0x09))
        let indent = try builder.repeated(blank, least: 0, most: 20)
        space = try builder.rule(
            [[], GrammarBuilder.literal(" ")]
                + (isCompact ? [] : [GrammarBuilder.literal("\n") + indent]))
        let hex = ByteSet(0x30...0x39, 0x41...0x46, 0x61...0x66)
        // Escapes by number stop before surrogates, of which only pairs mean something.
        let number =
            GrammarBuilder.literal("\\u")
            + GrammarBuilder.byte(ByteSet(0x30...0x39, 0x41...0x43, 0x61...0x63))
            + [.bytes(hex), .bytes(hex), .bytes(hex)]
        let short =
            GrammarBuilder.literal("\\")
            + GrammarBuilder.byte(
                [0x22, 0x2F, 0x5C, 0x62, 0x66, 0x6E, 0x72, 0x74].reduce(into: ByteSet()) {
                    $0.insert($1)
                })
        let plain = ScalarRanges([0x20...0x21, 0x23...0x5B, 0x5D...0x10FFFF])
        character = try builder.rule(
            plain.intersection(.all).jsonSpellings + [short, number])
        anyValue = try builder.reserve()
        try defineAnyValue()
    }

    /// The grammar of the whole document.
    mutating func grammar() throws(SchemaError) -> ByteGrammar {
        let start = try symbols(of: root)
        return try builder.grammar(of: start)
    }

    // MARK: Schemas

    /// What documents of a schema look like.
    mutating func symbols(of schema: JSONValue) throws(SchemaError) -> [Symbol] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            throw .unsupported("the schema", "it is nested deeper than \(Self.deepest) levels")
        }
        if case .bool(let isAny) = schema {
            guard isAny else { throw .unsupported("false", "nothing matches it") }
            return [anyValue]
        }
        guard case .object(let object) = schema else {
            throw .malformed("a schema is an object or true")
        }
        for keyword in Self.refused where object[keyword] != nil {
            throw .unsupported(keyword, "it is not known here")
        }
        if let reference = object["$ref"] { return [try referred(reference, in: object)] }
        if let value = object["const"] { return GrammarBuilder.literal(value.serialized()) }
        if let values = object["enum"] {
            guard case .array(let values) = values, !values.isEmpty else {
                throw .malformed("enum is a list of values")
            }
            return [try builder.rule(values.map { GrammarBuilder.literal($0.serialized()) })]
        }
        for keyword in ["anyOf", "oneOf"] {
            guard let list = object[keyword] else { continue }
            try refuseBeside(keyword, object)
            return [try builder.rule(choices(list, keyword))]
        }
        if let list = object["allOf"] {
            try refuseBeside("allOf", object)
            guard case .array(let parts) = list, parts.count == 1 else {
                throw .unsupported("allOf", "only of one schema")
            }
            return try symbols(of: parts[0])
        }
        return try typed(object)
    }

    private mutating func choices(
        _ list: JSONValue, _ keyword: String
    ) throws(SchemaError) -> [[Symbol]] {
        guard case .array(let schemas) = list, !schemas.isEmpty else {
            throw .malformed("\(keyword) is a list of schemas")
        }
        var all: [[Symbol]] = []
        for schema in schemas { all.append(try symbols(of: schema)) }
        return all
    }

    private func refuseBeside(_ keyword: String, _ object: JSONObject) throws(SchemaError) {
        for (name, _) in object.members
        where name != keyword && Self.asserting.contains(name) && name != "type" {
            throw .unsupported(keyword, "not together with \(name)")
        }
    }

    private mutating func typed(_ object: JSONObject) throws(SchemaError) -> [Symbol] {
        let types: [String]
        switch object["type"] {
        case .string(let type): types = [type]
        case .array(let list):
            types = list.compactMap { if case .string(let type) = $0 { type } else { nil } }
            guard types.count == list.count, !types.isEmpty else {
                throw .malformed("type is a name or a list of names")
            }
        case nil:
            guard let type = Self.impliedType(object) else { return [anyValue] }
            types = [type]
        default: throw .malformed("type is a name or a list of names")
        }
        var all: [[Symbol]] = []
        for type in types { all.append(try symbols(ofType: type, object)) }
        return all.count == 1 ? all[0] : [try builder.rule(all)]
    }

    private mutating func symbols(
        ofType type: String, _ object: JSONObject
    ) throws(SchemaError) -> [Symbol] {
        switch type {
        case "null": return GrammarBuilder.literal("null")
        case "boolean":
            return [
                try builder.rule([GrammarBuilder.literal("true"), GrammarBuilder.literal("false")])
            ]
        case "string": return try string(object)
        case "integer": return try integer(object)
        case "number": return try number(object)
        case "array": return try array(object)
        case "object": return try self.object(object)
        default: throw .malformed("\(type) is no type of JSON")
        }
    }

    /// The type that keywords of only one type speak of.
    private static func impliedType(_ object: JSONObject) -> String? {
        let kinds = [
            ("object", ["properties", "required", "additionalProperties"]),
            ("array", ["items", "prefixItems", "minItems", "maxItems"]),
            ("string", ["minLength", "maxLength", "pattern", "format"]),
            ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
        ]
        return kinds.first { kind in kind.1.contains { object[$0] != nil } }?.0
    }

    private mutating func referred(
        _ reference: JSONValue, in object: JSONObject
    ) throws(SchemaError) -> Symbol {
        guard case .string(let pointer) = reference, pointer.hasPrefix("#") else {
            throw .unsupported("$ref", "only within the document (#/…)")
        }
        for (name, _) in object.members where name != "$ref" && Self.asserting.contains(name) {
            throw .unsupported("$ref", "not together with \(name)")
        }
        if let known = references[pointer] { return known }
        var target = root
        for part in pointer.dropFirst().split(separator: "/") {
            let name = String(part).replacing("~1", with: "/").replacing("~0", with: "~")
            switch target {
            case .object(let members):
                guard let member = members[name] else {
                    throw .malformed("$ref: \(pointer) leads nowhere")
                }
                target = member
            case .array(let elements):
                guard let index = Int(name), elements.indices.contains(index) else {
                    throw .malformed("$ref: \(pointer) leads nowhere")
                }
                target = elements[index]
            default: throw .malformed("$ref: \(pointer) leads nowhere")
            }
        }
        let rule = try builder.reserve()
        references[pointer] = rule
        try builder.define(rule, [symbols(of: target)])
        return rule
    }

    // MARK: Values

    private mutating func defineAnyValue() throws(SchemaError) {
        let text = try anyString()
        let pair = text + [space] + GrammarBuilder.literal(":") + [space, anyValue]
        let object = try list("{", "}", first: pair, least: 0, most: nil)
        let array = try list("[", "]", first: [anyValue], least: 0, most: nil)
        try builder.define(
            anyValue,
            [
                text, number([:]), object, array, GrammarBuilder.literal("true"),
                GrammarBuilder.literal("false"), GrammarBuilder.literal("null"),
            ])
    }

    /// A string of any length.
    mutating func anyString() throws(SchemaError) -> [Symbol] {
        try quoted(builder.repeated([character], least: 0, most: nil))
    }

    private func quoted(_ symbols: [Symbol]) -> [Symbol] {
        GrammarBuilder.literal("\"") + symbols + GrammarBuilder.literal("\"")
    }

    private mutating func string(_ object: JSONObject) throws(SchemaError) -> [Symbol] {
        let least = try object.count("minLength") ?? 0
        let most = try object.count("maxLength")
        if let pattern = object["pattern"] {
            guard case .string(let pattern) = pattern else {
                throw .malformed("pattern is a string")
            }
            guard least == 0, most == nil, object["format"] == nil else {
                throw .unsupported(
                    "pattern", "not together with a length or format; put it into it")
            }
            return try quoted(PatternParser.symbols(of: pattern, in: &builder))
        }
        if let format = object["format"] {
            guard case .string(let name) = format, let pattern = Self.formats[name] else {
                throw .unsupported(
                    "format", "known are \(Self.formats.keys.sorted().joined(separator: ", "))")
            }
            guard least == 0, most == nil else {
                throw .unsupported("format", "not together with a length")
            }
            return try quoted(PatternParser.symbols(of: "^(?:\(pattern))$", in: &builder))
        }
        return try quoted(builder.repeated([character], least: least, most: most))
    }

    private mutating func array(_ object: JSONObject) throws(SchemaError) -> [Symbol] {
        let least = try object.count("minItems") ?? 0
        let most = try object.count("maxItems")
        if let prefix = object["prefixItems"] {
            guard case .array(let schemas) = prefix, !schemas.isEmpty else {
                throw .malformed("prefixItems is a list of schemas")
            }
            guard object["items"] == .bool(false) || object["items"] == nil,
                least == 0 || least == schemas.count, most == nil || most == schemas.count
            else {
                throw .unsupported("prefixItems", "only lists of exactly those items")
            }
            var all = GrammarBuilder.literal("[") + [space]
            for (index, schema) in schemas.enumerated() {
                if index > 0 { all += GrammarBuilder.literal(",") + [space] }
                all += try symbols(of: schema) + [space]
            }
            return all + GrammarBuilder.literal("]")
        }
        let item =
            try object["items"].map { value throws(SchemaError) in
                try symbols(of: value)
            } ?? [anyValue]
        return try list("[", "]", first: item, least: least, most: most)
    }

    /// Items between brackets, with commas.
    private mutating func list(
        _ open: String, _ close: String, first item: [Symbol], least: Int, most: Int?
    ) throws(SchemaError) -> [Symbol] {
        let start = GrammarBuilder.literal(open) + [space]
        let end = GrammarBuilder.literal(close)
        if let most {
            guard most >= least else { throw .malformed("the most items are fewer than the least") }
            if most == 0 { return start + end }
        }
        let unit = try builder.rule([item + [space]])
        let more = GrammarBuilder.literal(",") + [space, unit]
        let items =
            [unit]
            + (try builder.repeated(more, least: max(least - 1, 0), most: most.map { $0 - 1 }))
        return start + (least == 0 ? try builder.optional(items) : items) + end
    }

    // MARK: Keywords

    /// Keywords that say what a value must be, apart from annotations.
    private static let asserting: Set<String> = [
        "type", "enum", "const", "properties", "required", "additionalProperties", "items",
        "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "pattern", "format",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf", "oneOf", "allOf",
    ]

    private static let refused = [
        "not", "if", "then", "else", "patternProperties", "propertyNames", "minProperties",
        "maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "contains",
        "minContains", "maxContains", "uniqueItems", "multipleOf", "unevaluatedProperties",
        "unevaluatedItems", "$dynamicRef", "$recursiveRef", "additionalItems",
    ]

    private static let formats: [String: String] = {
        let date = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
        let time =
            "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
            + "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
        let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
        return [
            "date": date, "time": time, "date-time": "\(date)T\(time)",
            "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "ipv4": "\(byte)(?:\\.\(byte)){3}",
            "email": "[A-Za-z0-9_+-]{1,32}(?:\\.[A-Za-z0-9_+-]{1,32}){0,3}@"
                + "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
                + "(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?){1,3}",
        ]
    }()
}

extension JSONObject {
    /// A number of things, or nil where there is none.
    func count(_ name: String) throws(SchemaError) -> Int? {
        switch self[name] {
        case nil: return nil
        case .integer(let value) where value >= 0: return value
        default: throw .malformed("\(name) is a whole number from 0")
        }
    }
}
