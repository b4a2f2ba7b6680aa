/// Reads the tokens of a JSON text one after the other, without building values.
///
/// Readers with a fixed schema and large documents (headers of safetensors files) drive it
/// themselves, so that a hostile file cannot make them hold more than they need;
/// ``JSONParser`` builds values on it. Every step looks at each byte a constant number of times.
package struct JSONScanner: ~Escapable {
    private let bytes: Span<UInt8>
    /// Where the next byte is read.
    package private(set) var offset = 0
    /// The longest string in bytes, as written in the document.
    private let maximumStringLength: Int

    /// Starts at the beginning of a text.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, maximumStringLength: Int = 1 << 26) {
        self.bytes = bytes
        self.maximumStringLength = maximumStringLength
    }

    /// The next byte that is not white space, or nil at the end.
    @_lifetime(self: copy self)
    package mutating func peek() -> UInt8? {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            offset += 1
        }
        return nil
    }

    /// Passes one byte, white space before it included.
    @_lifetime(self: copy self)
    package mutating func expect(_ wanted: UInt8, _ name: String) throws(JSONError) {
        guard let byte = peek() else {
            throw .unexpectedEnd(offset: offset, expected: name)
        }
        guard byte == wanted else {
            throw .unexpectedByte(byte, offset: offset, expected: name)
        }
        offset += 1
    }

    /// Passes a byte when it comes next.
    ///
    /// - Returns: Whether it came.
    @_lifetime(self: copy self)
    package mutating func skip(_ wanted: UInt8) -> Bool {
        guard peek() == wanted else { return false }
        offset += 1
        return true
    }

    /// Passes a word such as `true` when it comes next.
    ///
    /// - Returns: Whether it came.
    @_lifetime(self: copy self)
    package mutating func skip(word: String) -> Bool {
        guard peek() != nil, bytes.count - offset >= word.utf8.count else { return false }
        var position = offset
        for byte in word.utf8 {
            guard bytes[position] == byte else { return false }
            position += 1
        }
        offset = position
        return true
    }

    /// Checks that nothing but white space follows.
    @_lifetime(self: copy self)
    package mutating func expectEnd() throws(JSONError) {
        if peek() != nil { throw .trailingContent(offset: offset) }
    }

    /// Passes a string, white space before it included.
    @_lifetime(self: copy self)
    package mutating func string() throws(JSONError) -> String {
        try expect(0x22, "a string")
        let start = offset
        // The common case has no escapes: find the end, check the encoding, copy once.
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 {
                let text = try text(start..<offset)
                offset += 1
                return text
            }
            if byte == 0x5C { return try stringWithEscapes(from: start) }
            if byte < 0x20 { throw .controlCharacter(byte, offset: offset) }
            offset += 1
            if offset - start > maximumStringLength {
                throw .stringTooLong(limit: maximumStringLength, offset: start)
            }
        }
        throw .unexpectedEnd(offset: offset, expected: "the end of a string")
    }

    /// Passes a number, white space before it included.
    @_lifetime(self: copy self)
    package mutating func number() throws(JSONError) -> JSONValue {
        _ = peek()
        let start = offset
        if offset < bytes.count, bytes[offset] == 0x2D { offset += 1 }
        let firstDigit = offset
        let wholeDigits = passDigits()
        guard wholeDigits > 0, wholeDigits == 1 || bytes[firstDigit] != 0x30 else {
            throw .invalidNumber(offset: start)
        }
        var isWhole = true
        if offset < bytes.count, bytes[offset] == 0x2E {
            isWhole = false
            offset += 1
            guard passDigits() > 0 else { throw .invalidNumber(offset: start) }
        }
        if offset < bytes.count, bytes[offset] | 0x20 == 0x65 {
            isWhole = false
            offset += 1
            if offset < bytes.count, bytes[offset] == 0x2B || bytes[offset] == 0x2D { offset += 1 }
            guard passDigits() > 0 else { throw .invalidNumber(offset: start) }
        }
        guard offset - start <= 4096 else { throw .invalidNumber(offset: start) }
        let digits = try text(start..<offset)
        if isWhole, let value = Int(digits) { return .integer(value) }
        guard let value = Double(digits) else { throw .invalidNumber(offset: start) }
        guard value.isFinite else { throw .numberOutOfRange(offset: start) }
        return .number(value)
    }
}

extension JSONScanner {
    @_lifetime(self: copy self)
    private mutating func passDigits() -> Int {
        let start = offset
        while offset < bytes.count, bytes[offset] &- 0x30 < 10 { offset += 1 }
        return offset - start
    }

    private func text(_ range: Range<Int>) throws(JSONError) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes.extracting(range)))
        } catch {
            throw .invalidUTF8(offset: range.lowerBound + error.byteOffsets.lowerBound)
        }
    }

    /// Reads a string whose first escape is at the current offset.
    @_lifetime(self: copy self)
    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var result = try text(start..<offset)
        var runStart = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 {
                result += try text(runStart..<offset)
                offset += 1
                return result
            }
            if byte < 0x20 { throw .controlCharacter(byte, offset: offset) }
            if byte == 0x5C {
                result += try text(runStart..<offset)
                result.unicodeScalars.append(try escape())
                runStart = offset
            } else {
                offset += 1
            }
            if offset - start > maximumStringLength {
                throw .stringTooLong(limit: maximumStringLength, offset: start)
            }
        }
        throw .unexpectedEnd(offset: offset, expected: "the end of a string")
    }

    /// Passes one escape sequence, both halves of a surrogate pair together.
    @_lifetime(self: copy self)
    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let start = offset
        guard offset + 1 < bytes.count else {
            throw .unexpectedEnd(offset: offset, expected: "an escape sequence")
        }
        let kind = bytes[offset + 1]
        offset += 2
        switch kind {
        case 0x22: return "\""
        case 0x5C: return "\\"
        case 0x2F: return "/"
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75: break
        default: throw .invalidEscape(offset: start)
        }
        let unit = try fourHexDigits(from: start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, offset + 1 < bytes.count, bytes[offset] == 0x5C,
            bytes[offset + 1] == 0x75
        else { throw .loneSurrogate(offset: start) }
        offset += 2
        let second = try fourHexDigits(from: start)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
        else { throw .loneSurrogate(offset: start) }
        return scalar
    }

    @_lifetime(self: copy self)
    private mutating func fourHexDigits(from start: Int) throws(JSONError) -> UInt32 {
        guard bytes.count - offset >= 4 else {
            throw .unexpectedEnd(offset: offset, expected: "four hexadecimal digits")
        }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[offset]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw .invalidEscape(offset: start)
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
