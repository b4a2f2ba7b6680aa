import HalftoneFormats
import HalftoneKernels

/// One safetensors file, mapped and checked.
///
/// Accepts exactly what the format allows: tensors fill the data section without holes, overlap
/// or rest, sizes agree with dtype and shape, names are unique. Tensors are in the order of
/// their data. Reading the header takes memory for its text and for the tensors it describes.
public struct SafetensorsFile: TensorArchive {
    /// The file.
    public let path: String
    /// The free texts of `__metadata__`, all strings, in the order of the file.
    public let metadata: JSONObject
    private let table: TensorTable
    private let file: MappedFile?

    /// The longest header that is read.
    public static let maximumHeaderByteCount = 100_000_000
    static let maximumTensorCount = 1 << 20
    static let maximumNameByteCount = 1 << 10

    /// Maps a file and checks all of its header.
    ///
    /// - Throws: ``FileError`` with the first fault.
    public init(contentsOf path: String) throws(FileError) {
        let file = try MappedFile(path)
        try self.init(file.bytes, path: path, file: file)
    }

    /// Checks a file that is in memory.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - path: A name for errors.
    /// - Throws: ``FileError`` with the first fault.
    public init(_ bytes: Bytes, path: String) throws(FileError) {
        try self.init(bytes, path: path, file: nil)
    }

    private init(_ bytes: Bytes, path: String, file: MappedFile?) throws(FileError) {
        self.path = path
        self.file = file
        do {
            let dataStart = try Self.headerEnd(bytes)
            var header = try SafetensorsHeader(bytes[8..<dataStart].array)
            metadata = header.metadata
            let data = bytes[dataStart..<bytes.count]
            table = try TensorTable(Self.tensors(of: header.takeSortedEntries(), in: data))
        } catch let problem as FileError.Problem {
            throw FileError(path: path, problem)
        } catch let error as TensorTable.DuplicateName {
            throw FileError(path: path, .duplicateTensor(error.name))
        } catch {
            throw FileError(path: path, .unknownContent(expected: "a safetensors file"))
        }
    }

    /// All tensors in the order of their data.
    public var tensors: [StoredTensor] { table.tensors }

    /// The tensor of a name, or nil.
    public func tensor(named name: String) -> StoredTensor? { table[name] }

    /// Checks that the file is as it was when it was opened.
    public func checkUnchanged() throws(FileError) { try file?.checkUnchanged() }
}

extension SafetensorsFile {
    /// Where the data section begins.
    private static func headerEnd(_ bytes: Bytes) throws(FileError.Problem) -> Int {
        if let content = FileContent(bytes), content != .safetensors {
            throw .wrongContent(content, expected: "a safetensors file")
        }
        guard bytes.count >= 8 else { throw .tooSmall(found: bytes.count, needed: 8) }
        let length = bytes.load(UInt64.self, at: 0)
        guard length <= UInt64(maximumHeaderByteCount) else {
            throw .headerTooLarge(found: length, allowed: maximumHeaderByteCount)
        }
        let count = Int(length)
        guard count <= bytes.count - 8 else {
            throw .headerEndsAfterFile(headerByteCount: count, excess: count - (bytes.count - 8))
        }
        guard count >= 2 else { throw .tooSmall(found: bytes.count, needed: 10) }
        guard bytes[8] == UInt8(ascii: "{") else { throw .headerIsNoObject(firstByte: bytes[8]) }
        return 8 + count
    }

    /// Checks that the ranges fill the data section and cuts it up.
    private static func tensors(
        of sorted: [SafetensorsHeader.Entry], in data: Bytes
    ) throws(FileError.Problem) -> [StoredTensor] {
        var expected = 0
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(sorted.count)
        for entry in sorted {
            guard entry.begin <= expected else {
                throw .gap(tensor: entry.name, begin: entry.begin, expected: expected)
            }
            guard entry.begin == expected else {
                throw .overlap(tensor: entry.name, begin: entry.begin, expected: expected)
            }
            guard entry.end <= data.count else {
                throw .endsAfterFile(tensor: entry.name, excess: entry.end - data.count)
            }
            expected = entry.end
            tensors.append(
                StoredTensor(
                    name: entry.name, shape: entry.shape, encoding: .elements(entry.type),
                    bytes: data[entry.begin..<entry.end]))
        }
        guard expected == data.count else { throw .surplus(byteCount: data.count - expected) }
        return tensors
    }
}
