import Foundation
import HalftoneKernels

/// The weights of a model in safetensors form: one file, or shards with an index.
public struct SafetensorsCheckpoint: TensorArchive {
    /// The file or folder that was opened.
    public let path: String
    /// The files in the order of their names.
    public let files: [SafetensorsFile]
    /// What is odd without making the model unusable, such as a wrong `total_size`.
    public let warnings: [String]
    private let table: TensorTable

    /// The name of the index of a sharded checkpoint.
    public static let indexName = "model.safetensors.index.json"
    /// The name of a checkpoint of one file.
    public static let singleName = "model.safetensors"

    /// Opens a `.safetensors` file, an index, or a folder that holds either.
    ///
    /// - Throws: ``FileError``: names in the index that leave the folder, tensors that a shard
    ///   lacks or has beyond the index or that are in two shards, and every fault of a file.
    public init(contentsOf path: String) throws(FileError) {
        if try ModelPath.isFolder(path) {
            let folder = ModelPath(folder: path)
            if try folder.resolve(Self.indexName) != nil {
                try self.init(path: path, indexNamed: Self.indexName, in: folder)
            } else if let file = try folder.resolve(Self.singleName) {
                try self.init(path: path, file: file)
            } else {
                throw FileError(path: path, .noWeights(found: Self.pickles(in: path)))
            }
        } else if path.hasSuffix(".json") {
            let url = URL(fileURLWithPath: path)
            let folder = ModelPath(folder: url.deletingLastPathComponent().path)
            try self.init(path: path, indexNamed: url.lastPathComponent, in: folder)
        } else {
            try self.init(path: path, file: path)
        }
    }

    /// All tensors, shard after shard.
    public var tensors: [StoredTensor] { table.tensors }

    /// The tensor of a name, or nil.
    public func tensor(named name: String) -> StoredTensor? { table[name] }

    /// Checks that the files are as they were when they were opened.
    public func checkUnchanged() throws(FileError) {
        for file in files { try file.checkUnchanged() }
    }
}

extension SafetensorsCheckpoint {
    private init(path: String, file: String) throws(FileError) {
        let file = try SafetensorsFile(contentsOf: file)
        self.path = path
        files = [file]
        warnings = []
        table = try Self.table(of: file.tensors, path: path)
    }

    private init(
        path: String, indexNamed indexName: String, in folder: ModelPath
    ) throws(FileError) {
        guard let indexPath = try folder.resolve(indexName) else {
            throw FileError(path: path, .missing)
        }
        let index = try ShardIndex(contentsOf: indexPath)
        var files: [SafetensorsFile] = []
        var home: [ExactString: String] = [:]
        for name in index.shardNames {
            guard let shardPath = try folder.resolve(name) else {
                throw FileError(path: folder.folder + "/" + name, .missing)
            }
            let file = try SafetensorsFile(contentsOf: shardPath)
            for tensor in file.tensors {
                if let first = home.updateValue(name, forKey: ExactString(tensor.name)) {
                    throw FileError(
                        path: path,
                        .tensorInTwoShards(tensor: tensor.name, first: first, second: name))
                }
                guard index.shards[ExactString(tensor.name)] == name else {
                    throw FileError(path: path, .missingFromIndex(tensor: tensor.name, shard: name))
                }
            }
            files.append(file)
        }
        for (name, shard) in index.entries where home[ExactString(name)] != shard {
            throw FileError(path: path, .missingFromShard(tensor: name, shard: shard))
        }
        self.path = path
        self.files = files
        table = try Self.table(of: files.flatMap(\.tensors), path: path)
        let byteCount = table.tensors.reduce(0) { $0 + $1.bytes.count }
        if let stated = index.totalSize, stated != byteCount {
            warnings = [
                "\(indexName): total_size is \(stated), the tensors have \(byteCount) bytes"
            ]
        } else {
            warnings = []
        }
    }

    private static func table(
        of tensors: [StoredTensor], path: String
    ) throws(FileError) -> TensorTable {
        do {
            return try TensorTable(tensors)
        } catch {
            throw FileError(path: path, .duplicateTensor(error.name))
        }
    }

    private static func pickles(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { name in
            [".bin", ".pt", ".pth", ".pkl", ".ckpt"].contains { name.hasSuffix($0) }
        }
    }
}

/// The index of a sharded checkpoint.
struct ShardIndex {
    /// Tensor and file names in the order of the document.
    let entries: [(tensor: String, shard: String)]
    /// The file name of each tensor.
    let shards: [ExactString: String]
    /// All file names, sorted.
    let shardNames: [String]
    /// The stated number of tensor bytes.
    let totalSize: Int?

    init(contentsOf path: String) throws(FileError) {
        let file = try MappedFile(path)
        if let content = FileContent(file.bytes), content != .safetensors {
            throw FileError(path: path, .wrongContent(content, expected: "an index of shards"))
        }
        let document: JSONValue
        do {
            document = try JSONParser.parse(file.bytes)
        } catch {
            throw FileError(path: path, .json(error))
        }
        guard let map = document["weight_map"]?.object else {
            throw FileError(
                path: path, .indexEntry(field: "weight_map", allowed: "an object of file names"))
        }
        guard map.count <= SafetensorsFile.maximumTensorCount else {
            throw FileError(
                path: path,
                .tooMany(
                    field: "tensors", found: map.count, allowed: SafetensorsFile.maximumTensorCount)
            )
        }
        var entries: [(tensor: String, shard: String)] = []
        var shards: [ExactString: String] = [:]
        for member in map.members {
            guard let shard = member.value.string else {
                throw FileError(
                    path: path, .indexEntry(field: "weight_map", allowed: "an object of file names")
                )
            }
            guard ModelPath.isPlainName(shard) else {
                throw FileError(path: path, .unsafeName(shard))
            }
            entries.append((member.name, shard))
            shards[ExactString(member.name)] = shard
        }
        self.entries = entries
        self.shards = shards
        shardNames = Set(shards.values).sorted()
        totalSize = document["metadata"]?["total_size"]?.integer
    }
}
