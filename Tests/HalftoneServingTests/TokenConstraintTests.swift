import Foundation
import HalftoneData
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Testing

/// Answers that are held to a schema, written by a model that knows nothing of JSON.
struct TokenConstraintTests {
    private static let patterns = [
        (#"^[a-c]{2,3}(-\d+)?$"#, #"[a-c]{2,3}(-\d+)?"#), (#"^(?:ja|nein)$"#, "ja|nein"),
        ("[a-e]$", #"[\s\S]*[a-e]"#), (#"^[^"\\a-z]{1,5}$"#, #"[^"\\a-z]{1,5}"#),
        ("^[ä-ü€]+$", "[ä-ü€]+"), (#"^"\w"$"#, #""\w""#),
    ]

    private static let refused = [
        #"{"type": "object", "patternProperties": {}}"#, #"{"not": {}}"#, "false", "3",
        #"{"type": "strin"}"#, #"{"type": "string", "format": "phone"}"#,
        #"{"type": "string", "pattern": "(?=a)b"}"#, #"{"type": "string", "pattern": "(a"}"#,
        #"{"type": "string", "pattern": "a\\1"}"#, #"{"type": "string", "pattern": "^a|b$"}"#,
        #"{"type": "string", "maxLength": 100000}"#, #"{"$ref": "http://example.com"}"#,
        ##"{"$ref": "#/nowhere"}"##, ##"{"$ref": "#"}"##,
        ##"{"anyOf": [{"$ref": "#"}, {"type": "null"}]}"##,
        #"{"type": "number", "maximum": 3}"#, #"{"type": "integer", "multipleOf": 2}"#,
        #"{"type": "array", "minItems": 3, "maxItems": 2}"#, #"{"enum": []}"#,
        #"{"type": "integer", "minimum": 5, "maximum": 4}"#,
        #"{"allOf": [{"type": "string"}, {"maxLength": 3}]}"#,
    ]

    private func vocabulary() throws -> TokenVocabulary {
        let model = try ServingEngineTests.model.get()
        let tokenizer = try #require(model.tokenizer)
        return try #require(TokenVocabulary(tokenizer, size: model.spec.vocabularySize))
    }

    /// Answers of a hot sampler: nearly random text within the constraint.
    private func answers(_ schema: String, count: Int, limit: Int = 400) async throws -> [String] {
        let model = try ServingEngineTests.model.get()
        let tokenizer = try #require(model.tokenizer)
        let decoder = Decoder(model.weights, pool: .shared, activations: .int8)
        let engine = ServingEngine(decoder, pool: .shared)
        let end = try #require(tokenizer.special.eos)
        let constraint = try TokenConstraint(
            jsonSchema: JSONParser.parse(schema), vocabulary: vocabulary())
        var texts: [String] = []
        for seed in 0..<count {
            var options = SamplingOptions()
            options.temperature = 1.5
            options.seed = UInt64(seed)
            var request = GenerationRequest(
                prompt: tokenizer.encode("Lily said"), limit: limit, sampling: options,
                stopTokens: [end])
            request.constraint = constraint
            var tokens: [Int32] = []
            var reason: StopReason?
            for try await event in try engine.generate(request) {
                switch event {
                case .token(let token, _, _): tokens.append(token)
                case .finished(let end): reason = end
                case .read: break
                }
            }
            // Who is cut off is not finished; the rest has to hold.
            if reason == .stopToken { texts.append(tokenizer.decode(tokens)) }
        }
        return texts
    }

    private func object(_ text: String) throws -> JSONObject {
        guard case .object(let object) = try JSONParser.parse(text) else {
            throw SchemaError.malformed("no object: \(text)")
        }
        return object
    }

    @Test func objectsHaveWhatIsRequired() async throws {
        let schema = """
            {"type": "object", "properties": {
              "name": {"type": "string", "maxLength": 12},
              "age": {"type": "integer", "minimum": -5, "maximum": 117},
              "tags": {"type": "array", "items": {"enum": ["a", "b\\"c", 3]}, "maxItems": 3},
              "when": {"type": "string", "format": "date"},
              "note": {"anyOf": [{"type": "null"}, {"type": "boolean"}]}},
             "required": ["name", "age", "when"], "additionalProperties": false}
            """
        let texts = try await answers(schema, count: 25)
        #expect(texts.count > 20)
        var optional = 0
        for text in texts {
            let object = try object(text)
            guard case .string(let name) = object["name"], case .integer(let age) = object["age"],
                case .string(let date) = object["when"]
            else {
                Issue.record("\(text)")
                continue
            }
            #expect(name.unicodeScalars.count <= 12)
            #expect((-5...117).contains(age))
            #expect(date.wholeMatch(of: /\d{4}-\d\d-\d\d/) != nil)
            if case .array(let tags) = object["tags"] {
                #expect(tags.count <= 3)
                #expect(
                    tags.allSatisfy { [.string("a"), .string("b\"c"), .integer(3)].contains($0) })
                optional += 1
            }
            if let note = object["note"] {
                #expect(note == .null || note == .bool(true) || note == .bool(false))
                optional += 1
            }
        }
        #expect(optional > 0 && optional < 2 * texts.count)
    }

    @Test func referencesCanBeRecursive() async throws {
        let schema = """
            {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {
              "value": {"type": "number"},
              "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}},
              "required": ["value"]}}}
            """
        func check(_ value: JSONValue) -> Int {
            guard case .object(let tree) = value else { return -1000 }
            switch tree["value"] {
            case .integer, .number: break
            default: return -1000
            }
            guard case .array(let children) = tree["children"] ?? .array([]) else { return -1000 }
            return 1 + children.reduce(0) { $0 + check($1) }
        }
        let texts = try await answers(schema, count: 25)
        let sizes = try texts.map { check(try JSONParser.parse($0)) }
        #expect(sizes.allSatisfy { $0 > 0 })
        #expect((sizes.max() ?? 0) > 1)
    }

    @Test func anyObjectParses() async throws {
        for text in try await answers("{\"type\": \"object\"}", count: 25, limit: 200) {
            _ = try object(text)
        }
    }

    @Test(arguments: patterns)
    func patternsMatch(pattern: String, expression: String) async throws {
        let schema = JSONValue.object([
            "type": "string", "pattern": .string(pattern),
        ])
        let regex = try Regex(expression).matchingSemantics(.unicodeScalar)
        let texts = try await answers(schema.serialized(), count: 12, limit: 120)
        for text in texts {
            guard case .string(let string) = try JSONParser.parse(text) else {
                Issue.record("\(text)")
                continue
            }
            #expect(try regex.wholeMatch(in: string) != nil, "\(string)")
        }
        #expect(!texts.isEmpty)
    }

    @Test(arguments: [
        (-3, 3), (0, 0), (7, 1234), (-1205, -98), (95, 105), (-10, 10_000_000),
    ])
    func integersStayWithinBounds(low: Int, high: Int) async throws {
        let schema = #"{"type": "integer", "minimum": \#(low), "maximum": \#(high)}"#
        for text in try await answers(schema, count: 12, limit: 40) {
            let number = try #require(Int(text))
            #expect((low...high).contains(number))
        }
    }

    @Test(arguments: refused)
    func whatCannotBeGuaranteedIsRefused(schema: String) throws {
        let vocabulary = try vocabulary()
        let schema = try JSONParser.parse(schema)
        #expect(throws: SchemaError.self) {
            _ = try TokenConstraint(jsonSchema: schema, vocabulary: vocabulary)
        }
    }

    @Test func whatWouldBeTooLargeIsRefused() throws {
        let vocabulary = try vocabulary()
        let texts = (3900..<3960).map { JSONValue.object(["maxLength": .integer($0)]) }
        #expect(throws: SchemaError.tooLarge(limit: 200_000)) {
            _ = try TokenConstraint(
                jsonSchema: ["anyOf": .array(texts)], vocabulary: vocabulary)
        }
    }
}
