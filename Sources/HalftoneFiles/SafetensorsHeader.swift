import HalftoneFormats

/// The JSON header of a safetensors file, read straight into entries.
///
/// No JSON values are built on the way, so a header of a hundred megabytes cannot ask for a
/// multiple of that in memory.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var type: ElementType
        var shape: [Int]
        var begin: Int
        var end: Int
    }

    private var entries: [Entry] = []
    private(set) var metadata = JSONObject()

    private static let maximumMetadataCount = 1 << 16

    /// Reads the text of a header, padding included.
    ///
    /// - Throws: The first fault of syntax, schema or size; that ranges fit together is for the
    ///   file to check.
    init(_ text: [UInt8]) throws(FileError.Problem) {
        do {
            var scanner = JSONScanner(text.span)
            try readObject(&scanner)
            try scanner.expectEnd()
        } catch let error as JSONError {
            throw .json(error)
        } catch let problem as FileError.Problem {
            throw problem
        } catch {
            throw .unknownContent(expected: "a safetensors header")
        }
    }

    /// Hands over the entries in the order of their data, without a second copy of them.
    mutating func takeSortedEntries() -> [Entry] {
        var taken: [Entry] = []
        swap(&taken, &entries)
        taken.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        return taken
    }

    @_lifetime(scanner: copy scanner)
    private mutating func readObject(_ scanner: inout JSONScanner) throws {
        var names: Set<ExactString> = []
        try scanner.expect(UInt8(ascii: "{"), "'{'")
        if scanner.skip(UInt8(ascii: "}")) { return }
        repeat {
            _ = scanner.peek()
            let start = scanner.offset
            let name = try scanner.string()
            guard names.insert(ExactString(name)).inserted else {
                throw JSONError.duplicateMember(name: name, offset: start)
            }
            guard name.utf8.count <= SafetensorsFile.maximumNameByteCount else {
                throw FileError.Problem.nameTooLong(
                    field: "a tensor name", found: name.utf8.count,
                    allowed: SafetensorsFile.maximumNameByteCount)
            }
            try scanner.expect(UInt8(ascii: ":"), "':'")
            if name == "__metadata__" {
                try readMetadata(&scanner)
            } else {
                let entry = try Self.entry(name, &scanner)
                entries.append(entry)
                guard entries.count <= SafetensorsFile.maximumTensorCount else {
                    throw FileError.Problem.tooMany(
                        field: "tensors", found: entries.count,
                        allowed: SafetensorsFile.maximumTensorCount)
                }
            }
        } while scanner.skip(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "}"), "',' or '}'")
    }

    @_lifetime(scanner: copy scanner)
    private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
        try scanner.expect(UInt8(ascii: "{"), "'{'")
        if scanner.skip(UInt8(ascii: "}")) { return }
        repeat {
            _ = scanner.peek()
            let start = scanner.offset
            let name = try scanner.string()
            try scanner.expect(UInt8(ascii: ":"), "':'")
            guard metadata.append(name, .string(try scanner.string())) else {
                throw JSONError.duplicateMember(name: name, offset: start)
            }
            guard metadata.count <= Self.maximumMetadataCount else {
                throw FileError.Problem.tooMany(
                    field: "metadata entries", found: metadata.count,
                    allowed: Self.maximumMetadataCount)
            }
        } while scanner.skip(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "}"), "',' or '}'")
    }

    @_lifetime(scanner: copy scanner)
    private static func entry(_ name: String, _ scanner: inout JSONScanner) throws -> Entry {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.expect(UInt8(ascii: "{"), "'{'")
        if !scanner.skip(UInt8(ascii: "}")) {
            repeat {
                _ = scanner.peek()
                let start = scanner.offset
                let field = try scanner.string()
                try scanner.expect(UInt8(ascii: ":"), "':'")
                switch field {
                case "dtype" where type == nil:
                    let found = try scanner.string()
                    guard let known = ElementType(rawValue: found) else {
                        throw FileError.Problem.unknownElementType(tensor: name, found: found)
                    }
                    type = known
                case "shape" where shape == nil:
                    shape = try sizes(
                        &scanner, tensor: name, field: "shape", limit: CheckedShape.maximumRank)
                case "data_offsets" where offsets == nil:
                    offsets = try sizes(
                        &scanner, tensor: name, field: "data_offsets", limit: 2)
                case "dtype", "shape", "data_offsets":
                    throw JSONError.duplicateMember(name: field, offset: start)
                default:
                    throw FileError.Problem.headerEntry(
                        tensor: name, field: field, found: "present",
                        allowed: "only dtype, shape and data_offsets are allowed")
                }
            } while scanner.skip(UInt8(ascii: ","))
            try scanner.expect(UInt8(ascii: "}"), "',' or '}'")
        }
        guard let type else { throw missing("dtype", name) }
        guard let shape else { throw missing("shape", name) }
        guard let offsets else { throw missing("data_offsets", name) }
        guard offsets.count == 2 else {
            throw FileError.Problem.headerEntry(
                tensor: name, field: "data_offsets", found: "a list of \(offsets.count)",
                allowed: "it must be [begin, end]")
        }
        return try checked(
            Entry(name: name, type: type, shape: shape, begin: offsets[0], end: offsets[1]))
    }

    private static func checked(_ entry: Entry) throws -> Entry {
        guard entry.begin <= entry.end else {
            throw FileError.Problem.offsetsReversed(
                tensor: entry.name, begin: entry.begin, end: entry.end)
        }
        do {
            let expected = try CheckedShape(entry.shape).byteCount(.elements(entry.type))
            guard entry.end - entry.begin == expected else {
                throw FileError.Problem.sizeMismatch(
                    tensor: entry.name, found: entry.end - entry.begin, expected: expected)
            }
            return entry
        } catch let error as ShapeError {
            throw FileError.Problem.shape(tensor: entry.name, error)
        }
    }

    /// Reads a list of whole numbers of at least 0.
    @_lifetime(scanner: copy scanner)
    private static func sizes(
        _ scanner: inout JSONScanner, tensor: String, field: String, limit: Int
    ) throws -> [Int] {
        try scanner.expect(UInt8(ascii: "["), "'['")
        var sizes: [Int] = []
        if scanner.skip(UInt8(ascii: "]")) { return sizes }
        repeat {
            let number = try scanner.number()
            guard case .integer(let size) = number, size >= 0 else {
                throw FileError.Problem.headerEntry(
                    tensor: tensor, field: field, found: number.serialized(),
                    allowed: "it must consist of whole numbers from 0 to 2^63 - 1")
            }
            sizes.append(size)
            guard sizes.count <= limit else {
                throw FileError.Problem.headerEntry(
                    tensor: tensor, field: field, found: "a list of more than \(limit)",
                    allowed: "at most \(limit) numbers are allowed")
            }
        } while scanner.skip(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"), "',' or ']'")
        return sizes
    }

    private static func missing(_ field: String, _ tensor: String) -> FileError.Problem {
        .headerEntry(
            tensor: tensor, field: field, found: "missing",
            allowed: "dtype, shape and data_offsets are all required")
    }
}
