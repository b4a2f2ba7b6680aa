import HalftoneKernels

/// Reads little-endian fields one after the other and never beyond the end.
///
/// Every length is compared with a ceiling and with the bytes that are left before anything is
/// allocated. Field names are only built for an error.
public struct ByteReader: Sendable {
    /// What is read.
    public let bytes: Bytes
    /// Where the next field begins, from the start of `bytes`.
    public private(set) var offset: Int

    /// Starts at an offset, 0 unless given; one beyond the end leaves nothing to read.
    public init(_ bytes: Bytes, offset: Int = 0) {
        self.bytes = bytes
        self.offset = min(max(offset, 0), bytes.count)
    }

    /// Bytes from here to the end.
    public var remaining: Int { bytes.count - offset }

    /// Reads an integer.
    ///
    /// - Throws: ``ByteReaderError/endOfFile(field:offset:needed:left:)``.
    public mutating func read<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type = Integer.self, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Integer {
        let size = MemoryLayout<Integer>.size
        try require(UInt64(size), field())
        defer { offset += size }
        return bytes.load(type, at: offset)
    }

    /// Reads a 32-bit float.
    public mutating func readFloat(
        _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Float {
        Float(bitPattern: try read(UInt32.self, field()))
    }

    /// Reads a 64-bit float.
    public mutating func readDouble(
        _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Double {
        Double(bitPattern: try read(UInt64.self, field()))
    }

    /// Reads a byte that is 0 or 1.
    public mutating func readBool(
        _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Bool {
        let start = offset
        let byte = try read(UInt8.self, field())
        guard byte <= 1 else {
            throw .notABool(field: field(), offset: start, found: byte)
        }
        return byte == 1
    }

    /// Reads text: a 64-bit length and as many bytes of UTF-8.
    ///
    /// - Parameters:
    ///   - ceiling: The most bytes that are allowed.
    ///   - field: What an error calls it.
    public mutating func readString(
        ceiling: Int, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> String {
        let start = offset
        let length = try readLength(ceiling: ceiling, field())
        guard let text = try take(UInt64(length), field()).utf8String else {
            throw .notUTF8(field: field(), offset: start)
        }
        return text
    }

    /// Reads a 64-bit length or count.
    ///
    /// - Parameters:
    ///   - ceiling: The largest value that is allowed.
    ///   - field: What an error calls it.
    public mutating func readLength(
        ceiling: Int, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Int {
        let start = offset
        let length = try read(UInt64.self, field())
        guard let result = Int(exactly: length), result <= ceiling else {
            throw .tooLarge(field: field(), offset: start, found: length, allowed: ceiling)
        }
        return result
    }

    /// Passes bytes and returns them, sharing the file's memory.
    public mutating func take(
        _ count: UInt64, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) -> Bytes {
        try require(count, field())
        let range = offset..<offset + Int(count)
        offset = range.upperBound
        return bytes[range]
    }

    /// Checks that a number of elements of at least a given size can be left.
    ///
    /// - Parameters:
    ///   - count: At least 0.
    ///   - size: Bytes that the smallest element takes, at least 1.
    ///   - field: What an error calls it.
    public func require(
        _ count: Int, elementsOfAtLeast size: Int, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) {
        guard count <= remaining / max(size, 1) else {
            let (needed, overflow) = UInt64(count).multipliedReportingOverflow(by: UInt64(size))
            throw .endOfFile(
                field: field(), offset: offset, needed: overflow ? .max : needed, left: remaining)
        }
    }

    private func require(
        _ count: UInt64, _ field: @autoclosure () -> String
    ) throws(ByteReaderError) {
        guard count <= UInt64(remaining) else {
            throw .endOfFile(field: field(), offset: offset, needed: count, left: remaining)
        }
    }
}

/// Why a field could not be read; offsets count bytes from the start of the file.
public enum ByteReaderError: Error, Sendable, Equatable, CustomStringConvertible {
    case endOfFile(field: String, offset: Int, needed: UInt64, left: Int)
    case tooLarge(field: String, offset: Int, found: UInt64, allowed: Int)
    case notUTF8(field: String, offset: Int)
    case notABool(field: String, offset: Int, found: UInt8)

    /// The field, where it is, what was found and what is allowed.
    public var description: String {
        switch self {
        case .endOfFile(let field, let offset, let needed, let left):
            "\(field) at byte \(offset) needs \(needed) bytes and \(left) are left"
        case .tooLarge(let field, let offset, let found, let allowed):
            "\(field) at byte \(offset) is \(found); at most \(allowed) is allowed"
        case .notUTF8(let field, let offset):
            "\(field) at byte \(offset) is not valid UTF-8"
        case .notABool(let field, let offset, let found):
            "\(field) at byte \(offset) is \(found); a truth value is 0 or 1"
        }
    }
}
