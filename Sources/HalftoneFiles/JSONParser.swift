import HalftoneKernels

/// Reads JSON strictly (RFC 8259) and within bounds.
///
/// Refused: text that is not UTF-8, two members of one name in an object, nesting beyond the
/// limit, numbers outside double precision, lone surrogates, a byte order mark, and anything
/// after the document. Time is linear in the number of bytes.
public struct JSONParser {
    /// Ceilings on a document.
    public struct Limits: Sendable, Equatable {
        /// The size of the document in bytes.
        public var byteCount = 1 << 28
        /// Levels of arrays and objects inside each other.
        public var depth = 64
        /// Values of all kinds together; each takes memory even when it is one byte of text.
        public var valueCount = 1 << 23
        /// One string, in bytes of the document.
        public var stringLength = 1 << 26
        /// Whether the words `NaN`, `Infinity` and `-Infinity`, which Python writes, are read.
        public var allowsNonFinite = false

        /// The defaults: 256 MiB, depth 64, 2^23 values, strings of 64 MiB, finite numbers only.
        public init() {}
    }

    /// Reads one document.
    ///
    /// - Parameters:
    ///   - bytes: The whole document.
    ///   - limits: Ceilings, checked before memory is taken.
    /// - Throws: ``JSONError`` with the byte offset of the first fault.
    /// - Complexity: O(bytes).
    public static func parse(
        _ bytes: [UInt8], limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.byteCount else {
            throw .documentTooLarge(byteCount: bytes.count, limit: limits.byteCount)
        }
        var scanner = JSONScanner(bytes.span, maximumStringLength: limits.stringLength)
        var parser = JSONParser(limits: limits)
        let value = try parser.value(&scanner, depth: 0)
        try scanner.expectEnd()
        return value
    }

    /// Reads one document from a file's bytes.
    ///
    /// - Throws: ``JSONError`` with the byte offset of the first fault.
    public static func parse(
        _ bytes: Bytes, limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.byteCount else {
            throw .documentTooLarge(byteCount: bytes.count, limit: limits.byteCount)
        }
        return try parse(bytes.array, limits: limits)
    }

    /// Reads one document from text.
    ///
    /// - Throws: ``JSONError`` with the byte offset of the first fault.
    public static func parse(
        _ text: String, limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    private let limits: Limits
    private var valuesRead = 0

    private init(limits: Limits) { self.limits = limits }

    @_lifetime(scanner: copy scanner)
    private mutating func value(
        _ scanner: inout JSONScanner, depth: Int
    ) throws(JSONError) -> JSONValue {
        guard let byte = scanner.peek() else {
            throw .unexpectedEnd(offset: scanner.offset, expected: "a value")
        }
        valuesRead += 1
        guard valuesRead <= limits.valueCount else {
            throw .tooManyValues(limit: limits.valueCount, offset: scanner.offset)
        }
        switch byte {
        case 0x22: return .string(try scanner.string())
        case 0x5B: return try array(&scanner, depth: depth + 1)
        case 0x7B: return try object(&scanner, depth: depth + 1)
        case 0x74 where scanner.skip(word: "true"): return .bool(true)
        case 0x66 where scanner.skip(word: "false"): return .bool(false)
        case 0x6E where scanner.skip(word: "null"): return .null
        case 0x4E where limits.allowsNonFinite && scanner.skip(word: "NaN"): return .number(.nan)
        case 0x49 where limits.allowsNonFinite && scanner.skip(word: "Infinity"):
            return .number(.infinity)
        case 0x2D where limits.allowsNonFinite && scanner.skip(word: "-Infinity"):
            return .number(-.infinity)
        case 0x2D, 0x30...0x39: return try scanner.number()
        default:
            throw .unexpectedByte(byte, offset: scanner.offset, expected: "a value")
        }
    }

    @_lifetime(scanner: copy scanner)
    private mutating func array(
        _ scanner: inout JSONScanner, depth: Int
    ) throws(JSONError) -> JSONValue {
        guard depth <= limits.depth else {
            throw .tooDeep(limit: limits.depth, offset: scanner.offset)
        }
        try scanner.expect(0x5B, "'['")
        var elements: [JSONValue] = []
        if scanner.skip(0x5D) { return .array(elements) }
        while true {
            elements.append(try value(&scanner, depth: depth))
            if scanner.skip(0x2C) { continue }
            try scanner.expect(0x5D, "',' or ']'")
            return .array(elements)
        }
    }

    @_lifetime(scanner: copy scanner)
    private mutating func object(
        _ scanner: inout JSONScanner, depth: Int
    ) throws(JSONError) -> JSONValue {
        guard depth <= limits.depth else {
            throw .tooDeep(limit: limits.depth, offset: scanner.offset)
        }
        try scanner.expect(0x7B, "'{'")
        var object = JSONObject()
        if scanner.skip(0x7D) { return .object(object) }
        while true {
            _ = scanner.peek()
            let start = scanner.offset
            let name = try scanner.string()
            try scanner.expect(0x3A, "':'")
            guard object.append(name, try value(&scanner, depth: depth)) else {
                throw .duplicateMember(name: name, offset: start)
            }
            if scanner.skip(0x2C) { continue }
            try scanner.expect(0x7D, "',' or '}'")
            return .object(object)
        }
    }
}
