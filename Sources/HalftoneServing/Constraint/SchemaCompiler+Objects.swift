import HalftoneFiles

extension SchemaCompiler {
    /// Objects: members in the order of `properties`, those that are not required or left out.
    mutating func object(_ schema: JSONObject) throws(SchemaError) -> [Symbol] {
        var properties: [(name: String, value: JSONValue)] = []
        switch schema["properties"] {
        case nil: break
        case .object(let members): properties = members.members
        default: throw .malformed("properties is an object of schemas")
        }
        var required: Set<String> = []
        if let names = schema["required"] {
            guard case .array(let names) = names else {
                throw .malformed("required is a list of names")
            }
            for name in names {
                guard case .string(let name) = name else {
                    throw .malformed("required is a list of names")
                }
                // A required member without a schema can be anything.
                if !properties.contains(where: { $0.name == name }) {
                    guard schema["additionalProperties"] != .bool(false) else {
                        throw .unsupported("required", "\(name) is required and not allowed")
                    }
                    properties.append((name, .bool(true)))
                }
                required.insert(name)
            }
        }
        guard !properties.isEmpty else { return try map(schema["additionalProperties"]) }
        return GrammarBuilder.literal("{") + [space]
            + (try members(properties, required)) + GrammarBuilder.literal("}")
    }

    /// Members, from the last to the first: for each what follows when none was written before
    /// it, and when some were.
    private mutating func members(
        _ properties: [(name: String, value: JSONValue)], _ required: Set<String>
    ) throws(SchemaError) -> [Symbol] {
        let comma = GrammarBuilder.literal(",") + [space]
        var first: [Symbol] = []
        var later: [Symbol] = []
        for property in properties.reversed() {
            let member = try builder.rule([
                GrammarBuilder.literal(JSONValue.quoted(property.name)) + [space]
                    + GrammarBuilder.literal(":") + [space] + symbols(of: property.value) + [space]
            ])
            let isRequired = required.contains(property.name)
            first = [try builder.rule([[member] + later] + (isRequired ? [] : [first]))]
            later = [try builder.rule([comma + [member] + later] + (isRequired ? [] : [later]))]
        }
        return first
    }

    /// Objects of any members.
    private mutating func map(_ values: JSONValue?) throws(SchemaError) -> [Symbol] {
        let start = GrammarBuilder.literal("{") + [space]
        if values == .bool(false) { return start + GrammarBuilder.literal("}") }
        let pair = try builder.rule([
            anyString() + [space] + GrammarBuilder.literal(":") + [space]
                + symbols(of: values ?? .bool(true)) + [space]
        ])
        let more = try builder.repeated(
            GrammarBuilder.literal(",") + [space, pair], least: 0, most: nil)
        return start + (try builder.optional([pair] + more)) + GrammarBuilder.literal("}")
    }
}
