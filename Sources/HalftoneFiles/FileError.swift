import HalftoneFormats

/// Why a model file was refused: which file, and what is wrong with it.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file or folder.
    public let path: String
    /// What is wrong.
    public let problem: Problem

    /// Describes a refusal.
    public init(path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// The path and the problem in words.
    public var description: String { "\(path): \(problem)" }

    /// What is wrong with a file; offsets and sizes are in bytes.
    public enum Problem: Error, Sendable, Equatable {
        // Any file.
        case cannotOpen(reason: String)
        case missing
        case notARegularFile
        case changedWhileOpen
        case wrongContent(FileContent, expected: String)
        case unknownContent(expected: String)
        case json(JSONError)
        case field(ByteReaderError)
        case tooMany(field: String, found: Int, allowed: Int)

        // Tensors of either format.
        case shape(tensor: String, ShapeError)
        case duplicateTensor(String)
        case endsAfterFile(tensor: String, excess: Int)
        case offsetsOverflow(tensor: String)
        case nameTooLong(field: String, found: Int, allowed: Int)

        // safetensors.
        case tooSmall(found: Int, needed: Int)
        case headerTooLarge(found: UInt64, allowed: Int)
        case headerEndsAfterFile(headerByteCount: Int, excess: Int)
        case headerIsNoObject(firstByte: UInt8)
        case headerEntry(tensor: String, field: String, found: String, allowed: String)
        case unknownElementType(tensor: String, found: String)
        case offsetsReversed(tensor: String, begin: Int, end: Int)
        case sizeMismatch(tensor: String, found: Int, expected: Int)
        case gap(tensor: String, begin: Int, expected: Int)
        case overlap(tensor: String, begin: Int, expected: Int)
        case surplus(byteCount: Int)

        // Sharded checkpoints and folders.
        case unsafeName(String)
        case linkLeavesFolder(name: String)
        case indexEntry(field: String, allowed: String)
        case missingFromShard(tensor: String, shard: String)
        case missingFromIndex(tensor: String, shard: String)
        case tensorInTwoShards(tensor: String, first: String, second: String)
        case noWeights(found: [String])
        case notAModelFolder
        case fileTooLarge(found: Int, allowed: Int)
        case notUTF8
        case chatTemplate(String)

        // GGUF.
        case unsupportedVersion(UInt32)
        case bigEndian
        case emptyKey(offset: Int)
        case duplicateKey(String)
        case unknownValueType(key: String, found: Int32)
        case nestedArray(key: String)
        case invalidAlignment(found: String)
        case unknownTensorType(tensor: String, reason: String)
        case offsetMismatch(tensor: String, found: UInt64, expected: Int)
        case split(String)
        case noImportanceMatrix
        case badImportance(matrix: String)
    }
}

extension FileError.Problem: CustomStringConvertible {
    /// What was found, and what is allowed or would help.
    public var description: String {
        switch self {
        case .cannotOpen(let reason): "cannot be opened: \(reason)"
        case .missing: "does not exist"
        case .notARegularFile: "is not a regular file"
        case .changedWhileOpen: "was changed by another program while it was read"
        case .wrongContent(let content, let expected):
            "this is \(content.explanation), not \(expected)"
        case .unknownContent(let expected): "this is not \(expected)"
        case .json(let error): "\(error)"
        case .field(let error): "\(error)"
        case .tooMany(let field, let found, let allowed):
            "\(found) \(field); at most \(allowed) are allowed"
        case .shape(let tensor, let error): "tensor \(tensor): \(error)"
        case .duplicateTensor(let tensor): "tensor \(tensor) appears twice"
        case .endsAfterFile(let tensor, let excess):
            "tensor \(tensor) ends \(grouped(excess)) bytes after the end of the file; "
                + "the download or copy is not complete"
        case .offsetsOverflow(let tensor): "tensor \(tensor): the offsets are beyond 2^63"
        case .nameTooLong(let field, let found, let allowed):
            "\(field) has \(found) bytes; at most \(allowed) are allowed"
        case .surplus(let count):
            "\(grouped(count)) bytes follow the last tensor; something was appended, or the "
                + "header belongs to another file"
        case .noWeights(let found):
            found.isEmpty
                ? "the folder has no model.safetensors and no model.safetensors.index.json"
                : "the folder has only \(found.joined(separator: ", ")), which may run code when "
                    + "opened and are not read; convert the model to safetensors"
        case .notAModelFolder: "the folder has no config.json; a Hugging Face model folder has one"
        case .fileTooLarge(let found, let allowed):
            "the file has \(grouped(found)) bytes; at most \(grouped(allowed)) are read"
        case .notUTF8: "the text is not valid UTF-8"
        case .chatTemplate(let reason): reason
        default: safetensorsDescription ?? ggufDescription
        }
    }

    private var safetensorsDescription: String? {
        switch self {
        case .tooSmall(let found, let needed):
            "the file has \(found) bytes; it cannot have fewer than \(needed)"
        case .headerTooLarge(let found, let allowed):
            "the header should be \(found) bytes long; at most \(grouped(allowed)) are allowed"
        case .headerEndsAfterFile(let count, let excess):
            "the header of \(grouped(count)) bytes ends \(grouped(excess)) bytes after the end of "
                + "the file; the download or copy is not complete"
        case .headerIsNoObject(let byte):
            "the header begins with byte \(byte); it must begin with '{'"
        case .headerEntry(let tensor, let field, let found, let allowed):
            "tensor \(tensor): \(field) is \(found); \(allowed)"
        case .unknownElementType(let tensor, let found):
            "tensor \(tensor): dtype \(found) is not known; known are "
                + ElementType.allCases.map(\.rawValue).joined(separator: ", ")
        case .offsetsReversed(let tensor, let begin, let end):
            "tensor \(tensor): data_offsets [\(begin), \(end)] run backwards"
        case .sizeMismatch(let tensor, let found, let expected):
            "tensor \(tensor): data_offsets span \(found) bytes; dtype and shape need \(expected)"
        case .gap(let tensor, let begin, let expected):
            "tensor \(tensor) begins at \(begin); the one before ends at \(expected), and no "
                + "byte between may be unused"
        case .overlap(let tensor, let begin, let expected):
            "tensor \(tensor) begins at \(begin), inside the one before, which ends at \(expected)"
        case .unsafeName(let name):
            "the file name \(JSONValue.quoted(name)) in the index is not a plain file name"
        case .linkLeavesFolder(let name):
            "\(name) is a link that leaves the model folder (and the cache's blobs beside it)"
        case .indexEntry(let field, let allowed): "\(field) of the index must be \(allowed)"
        case .missingFromShard(let tensor, let shard):
            "the index says that tensor \(tensor) is in \(shard), which lacks it"
        case .missingFromIndex(let tensor, let shard):
            "\(shard) holds tensor \(tensor), which the index does not name there"
        case .tensorInTwoShards(let tensor, let first, let second):
            "tensor \(tensor) is both in \(first) and in \(second)"
        default: nil
        }
    }

    private var ggufDescription: String {
        switch self {
        case .unsupportedVersion(let version):
            "GGUF version \(version) is not read; versions 2 and 3 are"
        case .bigEndian: "this GGUF file is big-endian; only little-endian files are read"
        case .emptyKey(let offset): "the metadata key at byte \(offset) is empty"
        case .duplicateKey(let key): "the metadata key \(key) appears twice"
        case .unknownValueType(let key, let found):
            "metadata key \(key): value type \(found) is not one of 0 to 12"
        case .nestedArray(let key): "metadata key \(key): arrays of arrays are not read"
        case .invalidAlignment(let found):
            "general.alignment is \(found); it must be a u32 and a power of two"
        case .unknownTensorType(let tensor, let reason): "tensor \(tensor): \(reason)"
        case .offsetMismatch(let tensor, let found, let expected):
            "tensor \(tensor) begins at \(found); the tensors before it end at \(expected)"
        case .split(let reason): reason
        case .noImportanceMatrix:
            "is no importance matrix: general.type is not imatrix"
        case .badImportance(let matrix):
            "the importance of \(matrix) is not a count and sums of squares, all of at least 0"
        default: "is not readable"
        }
    }

    private func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return (number < 0 ? "-" : "") + digits
    }
}
