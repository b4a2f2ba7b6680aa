import HalftoneFiles
import Testing

struct JSONParserTests {
    @Test func readsEveryKindOfValueInOrder() throws {
        let value = try JSONParser.parse(
            #" { "b" : [ 1 , -2.5e3, true, false, null, "x\u0041\ud83d\ude00\/" ], "a": {} } "#)
        #expect(value.object?.members.map(\.name) == ["b", "a"])
        #expect(
            value["b"] == [1, -2500.0, true, false, .null, "xA\u{1F600}/"])
        #expect(value["a"] == .object([:]))
    }

    @Test(arguments: [
        ("", JSONError.unexpectedEnd(offset: 0, expected: "a value")),
        ("[1,", .unexpectedEnd(offset: 3, expected: "a value")),
        ("[1 2]", .unexpectedByte(0x32, offset: 3, expected: "',' or ']'")),
        ("[1,]", .unexpectedByte(0x5D, offset: 3, expected: "a value")),
        ("{\"a\":1,}", .unexpectedByte(0x7D, offset: 7, expected: "a string")),
        ("{\"a\" 1}", .unexpectedByte(0x31, offset: 5, expected: "':'")),
        ("{a:1}", .unexpectedByte(0x61, offset: 1, expected: "a string")),
        ("1 1", .trailingContent(offset: 2)),
        ("tru", .unexpectedByte(0x74, offset: 0, expected: "a value")),
        ("NaN", .unexpectedByte(0x4E, offset: 0, expected: "a value")),
        ("01", .invalidNumber(offset: 0)),
        ("-", .invalidNumber(offset: 0)),
        ("1.", .invalidNumber(offset: 0)),
        ("[1e]", .invalidNumber(offset: 1)),
        (".5", .unexpectedByte(0x2E, offset: 0, expected: "a value")),
        ("+5", .unexpectedByte(0x2B, offset: 0, expected: "a value")),
        ("1e999", .numberOutOfRange(offset: 0)),
        ("\"a", .unexpectedEnd(offset: 2, expected: "the end of a string")),
        ("\"a\u{1}\"", .controlCharacter(1, offset: 2)),
        (#""\x""#, .invalidEscape(offset: 1)),
        (#""\u12g4""#, .invalidEscape(offset: 1)),
        (#""\u12"#, .unexpectedEnd(offset: 3, expected: "four hexadecimal digits")),
        (#""\ud800""#, .loneSurrogate(offset: 1)),
        (#""\udc00""#, .loneSurrogate(offset: 1)),
        (#""\ud800\u0041""#, .loneSurrogate(offset: 1)),
        ("{\"a\":1,\"a\":2}", .duplicateMember(name: "a", offset: 7)),
        (#"{"a":1,"\u0061":2}"#, .duplicateMember(name: "a", offset: 7)),
        ("\u{FEFF}1", .unexpectedByte(0xEF, offset: 0, expected: "a value")),
    ])
    func namesTheFaultAndItsOffset(text: String, expected: JSONError) {
        #expect(throws: expected) { try JSONParser.parse(text) }
        #expect(!expected.description.isEmpty)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
        ] as [[UInt8]])
    func refusesWhatIsNotUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.invalidUTF8(offset: 1)) { try JSONParser.parse(bytes) }
    }

    @Test func boundsTheNestingAtTheLimitExactly() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONParser.parse(nested(64))
        #expect(throws: JSONError.tooDeep(limit: 64, offset: 64)) {
            try JSONParser.parse(nested(65))
        }
        #expect(throws: JSONError.tooDeep(limit: 64, offset: 64)) {
            try JSONParser.parse(String(repeating: "[", count: 1_000_000))
        }
        let objects = String(repeating: "{\"a\":", count: 1_000_000)
        #expect(throws: JSONError.tooDeep(limit: 64, offset: 64 * 5)) {
            try JSONParser.parse(objects)
        }
    }

    @Test func boundsSizesAndCounts() {
        var limits = JSONParser.Limits()
        limits.byteCount = 10
        #expect(throws: JSONError.documentTooLarge(byteCount: 11, limit: 10)) {
            try JSONParser.parse("[1,2,3,4,5]", limits: limits)
        }
        limits = .init()
        limits.valueCount = 3
        #expect(throws: JSONError.tooManyValues(limit: 3, offset: 5)) {
            try JSONParser.parse("[1,2,3]", limits: limits)
        }
        limits = .init()
        limits.stringLength = 4
        #expect(throws: JSONError.stringTooLong(limit: 4, offset: 1)) {
            try JSONParser.parse("\"abcde\"", limits: limits)
        }
        #expect(throws: JSONError.stringTooLong(limit: 4, offset: 1)) {
            try JSONParser.parse(#""\n\n\n""#, limits: limits)
        }
    }

    @Test func readsPythonsWordsOnlyWhenAllowed() throws {
        var limits = JSONParser.Limits()
        limits.allowsNonFinite = true
        let values = try #require(
            try JSONParser.parse("[NaN, Infinity, -Infinity, -1]", limits: limits).array)
        #expect(values[0].double?.isNaN == true)
        #expect(Array(values[1...]) == [.number(.infinity), .number(-.infinity), -1])
    }

    @Test func keepsSpellingsOfOneLetterApart() throws {
        // U+00E9 and e + U+0301 are equal as Swift strings and different as tokens.
        let value = try JSONParser.parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
        var object = JSONObject()
        for index in 0..<20 { object["x\(index)"] = .integer(index) }
        object["\u{E9}"] = 100
        object["e\u{301}"] = 101
        #expect(object.count == 22 && object["\u{E9}"] == 100 && object["e\u{301}"] == 101)
        object["x3"] = nil
        #expect(object.count == 21 && object["x4"] == 4 && object["x3"] == nil)
    }

    @Test func findsADuplicateInALargeObject() {
        let members = (0..<1000).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(throws: JSONError.self) { try JSONParser.parse("{\(members),\"k500\":1}") }
    }

    @Test func integersKeepAllDigits() throws {
        #expect(try JSONParser.parse("9223372036854775807") == .integer(.max))
        #expect(try JSONParser.parse("-9223372036854775808") == .integer(.min))
        #expect(try JSONParser.parse("9223372036854775808") == .number(9223372036854775808))
        #expect(try JSONParser.parse("1.0") == .number(1))
    }

    @Test func everyTruncationOfADocumentIsRefused() throws {
        let text = Array(#"{"a":[1.5e3,true,null,"x\u00e9y"],"b":{"c":"é"}}"#.utf8)
        _ = try JSONParser.parse(text)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONParser.parse(Array(text[..<length])) }
        }
    }
}

struct JSONSerializationTests {
    let value: JSONValue = [
        "a": [1, 2.5, "é\"\\\n\u{1}\u{7F}/<"], "b": [:], "c": [], "A": .null,
    ]

    @Test func compact() {
        #expect(
            value.serialized()
                == #"{"a":[1,2.5,"é\"\\\n\u0001\#u{7F}/<"],"b":{},"c":[],"A":null}"#)
    }

    @Test func spacedAsPythonDoes() {
        #expect(
            value.serialized(.spaced, sortingMembers: true)
                == #"{"A": null, "a": [1, 2.5, "é\"\\\n\u0001\#u{7F}/<"], "b": {}, "c": []}"#)
    }

    @Test func prettyAsPythonDoes() {
        let value: JSONValue = ["a": [1, ["b": true]], "c": []]
        #expect(
            value.serialized(.pretty(indent: 2))
                == """
                {
                  "a": [
                    1,
                    {
                      "b": true
                    }
                  ],
                  "c": []
                }
                """)
    }

    // Right column: python3 -c 'print(repr(...))'.
    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (0.1, "0.1"), (1e-4, "0.0001"),
        (1e-5, "1e-05"), (1.5e-7, "1.5e-07"), (123456789012345680, "1.2345678901234568e+17"),
        (1e15, "1000000000000000.0"), (1e16, "1e+16"), (9007199254740994, "9007199254740994.0"),
        (36028797018963968, "3.602879701896397e+16"), (.leastNonzeroMagnitude, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (-1234.5, "-1234.5"), (100, "100.0"),
        (0.00012345, "0.00012345"), (1e22, "1e+22"),
    ])
    func floatsLookAsInPython(value: Double, expected: String) {
        #expect(JSONValue.number(value).serialized() == expected)
    }

    @Test func whatIsWrittenReadsBackTheSame() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let number = Double(bitPattern: .random(in: 0 ... .max, using: &generator))
            guard number.isFinite else { continue }
            let read = try JSONParser.parse(JSONValue.number(number).serialized())
            #expect(read.double?.bitPattern == number.bitPattern, "\(number)")
        }
        #expect(try JSONParser.parse(value.serialized(.pretty(indent: 3))) == value)
    }
}
