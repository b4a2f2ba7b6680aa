import Foundation
import HalftoneKernels

/// A GGUF file, or all parts of a split one, mapped and checked.
///
/// Versions 2 and 3, little-endian. Shapes are given outermost dimension first. Every tensor lies
/// inside its file, directly behind the one before.
public struct GGUFFile: TensorArchive {
    /// The file, or the first part.
    public let path: String
    /// The format version: 2 or 3.
    public let version: UInt32
    /// Keys and values in the order of the file; those of the first part when it is split.
    public let metadata: GGUFMetadata
    /// The multiple at which tensors begin.
    public let alignment: Int
    /// Bytes behind the last tensor and its padding, which nothing describes.
    public let trailingByteCount: Int
    /// The number of files.
    public var partCount: Int { max(files.count, 1) }
    private let table: TensorTable
    private let files: [MappedFile]

    /// Maps a file, and the further parts when it is the first of several.
    ///
    /// - Parameter path: A file, or `name-00001-of-00003.gguf` with its parts beside it.
    /// - Throws: ``FileError`` with the first fault.
    public init(contentsOf path: String) throws(FileError) {
        let file = try MappedFile(path)
        let first = try Self.read(file.bytes, path: path)
        let others = try Self.furtherParts(after: first, path: path)
        try self.init(
            first, parts: others.map(\.part), files: [file] + others.map(\.file), path: path)
    }

    /// Checks a file that is in memory.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - path: A name for errors.
    /// - Throws: ``FileError`` with the first fault.
    public init(_ bytes: Bytes, path: String) throws(FileError) {
        try self.init(try Self.read(bytes, path: path), parts: [], files: [], path: path)
    }

    private init(
        _ first: GGUFReader, parts: [GGUFReader], files: [MappedFile], path: String
    ) throws(FileError) {
        self.path = path
        version = first.version
        metadata = first.metadata
        alignment = first.alignment
        trailingByteCount = parts.reduce(first.trailingByteCount) { $0 + $1.trailingByteCount }
        self.files = files
        do {
            table = try TensorTable(first.tensors + parts.flatMap(\.tensors))
        } catch {
            throw FileError(path: path, .duplicateTensor(error.name))
        }
        if !parts.isEmpty, let stated = metadata["split.tensors.count"]?.integer,
            stated != table.tensors.count
        {
            throw FileError(
                path: path,
                .split(
                    "split.tensors.count is \(stated), and the \(parts.count + 1) parts hold "
                        + "\(table.tensors.count) tensors"))
        }
    }

    /// All tensors, part after part.
    public var tensors: [StoredTensor] { table.tensors }

    /// The tensor of a name, or nil.
    public func tensor(named name: String) -> StoredTensor? { table[name] }

    /// Checks that the files are as they were when they were opened.
    public func checkUnchanged() throws(FileError) {
        for file in files { try file.checkUnchanged() }
    }
}

extension GGUFFile {
    private static let maximumPartCount = 99_999

    private static func read(_ bytes: Bytes, path: String) throws(FileError) -> GGUFReader {
        do {
            return try GGUFReader(bytes)
        } catch {
            throw FileError(path: path, error)
        }
    }

    private static func furtherParts(
        after first: GGUFReader, path: String
    ) throws(FileError) -> [(file: MappedFile, part: GGUFReader)] {
        guard let value = first.metadata["split.count"] else { return [] }
        guard let count = value.integer, (0...maximumPartCount).contains(count) else {
            throw FileError(path: path, .split("split.count is not a number of files"))
        }
        guard count > 1 else { return [] }
        let number = first.metadata["split.no"]?.integer
        guard number == 0 else {
            throw FileError(
                path: path,
                .split(
                    "this is not the first of the \(count) parts of a split file; open the one "
                        + "whose name ends with -00001-of-\(fiveDigits(count)).gguf"))
        }
        let ending = "-00001-of-\(fiveDigits(count)).gguf"
        guard path.hasSuffix(ending) else {
            throw FileError(
                path: path,
                .split("this is the first of \(count) parts, and its name must end with \(ending)"))
        }
        let url = URL(fileURLWithPath: path)
        let folder = ModelPath(folder: url.deletingLastPathComponent().path)
        let stem = url.lastPathComponent.dropLast(ending.count)
        var parts: [(file: MappedFile, part: GGUFReader)] = []
        for index in 1..<count {
            let name = "\(stem)-\(fiveDigits(index + 1))-of-\(fiveDigits(count)).gguf"
            guard let resolved = try folder.resolve(name) else {
                throw FileError(path: folder.folder + "/" + name, .missing)
            }
            let file = try MappedFile(resolved)
            let part = try read(file.bytes, path: resolved)
            guard part.metadata["split.no"]?.integer == index,
                part.metadata["split.count"]?.integer == count
            else {
                throw FileError(
                    path: resolved,
                    .split(
                        "split.no and split.count are not \(index) and \(count), as the name says"))
            }
            parts.append((file, part))
        }
        return parts
    }
}
