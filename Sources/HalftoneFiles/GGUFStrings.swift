import HalftoneKernels

/// An array of strings in the layout of a GGUF file: a 64-bit length before each text.
///
/// A vocabulary of a quarter of a million tokens stays in the mapped file; an element becomes a
/// `String` when it is asked for.
public struct GGUFStrings: Sendable, RandomAccessCollection, Equatable {
    /// The elements as the file has them, lengths included.
    let bytes: Bytes
    /// Where each length is.
    private let starts: [Int]

    /// Lays out texts as a file has them.
    public init(_ strings: some Sequence<String>) {
        var bytes: [UInt8] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(bytes.count)
            bytes += littleEndianBytes(UInt64(string.utf8.count))
            bytes += string.utf8
        }
        self.bytes = Bytes(bytes)
        self.starts = starts
    }

    /// Reads an array and checks each element.
    ///
    /// - Parameters:
    ///   - reader: At the first length; is moved behind the last text.
    ///   - count: Elements, already compared with what is left.
    ///   - ceiling: The longest text in bytes.
    init(
        _ reader: inout ByteReader, count: Int, ceiling: Int, field: String
    ) throws(ByteReaderError) {
        let first = reader.offset
        var starts: [Int] = []
        starts.reserveCapacity(count)
        for index in 0..<count {
            starts.append(reader.offset - first)
            _ = try reader.readString(ceiling: ceiling, "\(field)[\(index)]")
        }
        bytes = reader.bytes[first..<reader.offset]
        self.starts = starts
    }

    /// 0.
    public var startIndex: Int { 0 }
    /// The number of texts.
    public var endIndex: Int { starts.count }

    /// The text at a position within `0 ..< count`.
    public subscript(position: Int) -> String {
        String(decoding: utf8(at: position), as: UTF8.self)
    }

    /// The UTF-8 bytes of the text at a position within `0 ..< count`.
    public func utf8(at position: Int) -> [UInt8] {
        let start = starts[position]
        let end = position + 1 < starts.count ? starts[position + 1] : bytes.count
        return bytes[start + 8..<end].array
    }

    /// Whether two arrays have the same texts, compared by bytes.
    public static func == (left: GGUFStrings, right: GGUFStrings) -> Bool {
        left.starts == right.starts && left.bytes.array == right.bytes.array
    }
}
