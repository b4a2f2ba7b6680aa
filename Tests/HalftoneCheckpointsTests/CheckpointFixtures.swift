import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Modules that other programs packed, and what they read in them.
///
/// Made by `Tests/Reference/packed_checkpoints.py modules`.
struct CheckpointFixtures {
    static let shared = Result { try CheckpointFixtures() }

    let archive: SafetensorsFile
    let settings: JSONObject

    private init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Checkpoints")
        archive = try SafetensorsFile(
            contentsOf: folder.appending(path: "modules.safetensors").path())
        let text = try Data(contentsOf: folder.appending(path: "modules.json"))
        settings = try JSONParser.parse(Array(text)).object ?? JSONObject()
    }

    /// All modules in the order of the file.
    var names: [String] { settings.members.map(\.name) }

    /// The document that a folder with this module would have.
    func configuration(_ name: String) -> JSONValue {
        [Self.key(name): settings[name] ?? .null]
    }

    /// Where programs put settings.
    static func key(_ name: String) -> String {
        name.hasPrefix("mlx") ? "quantization" : "quantization_config"
    }

    /// The tensors of a module, without what the program read.
    func tensors(_ name: String) -> [StoredTensor] {
        archive.tensors.filter { $0.name.hasPrefix(name + ".") && !$0.name.hasSuffix(".expected") }
    }

    /// What the program read, `[out, in]`.
    func expected(_ name: String) -> StoredTensor? { archive.tensor(named: name + ".expected") }
}

/// Tensors in memory.
struct MemoryArchive: TensorArchive {
    var tensors: [StoredTensor]

    func tensor(named name: String) -> StoredTensor? { tensors.first { $0.name == name } }

    func checkUnchanged() throws(FileError) {}
}

extension StoredTensor {
    /// The elements of a float32 tensor.
    var floats: [Float] {
        (0..<elementCount).map { Float(bitPattern: bytes.load(at: 4 * $0)) }
    }
}
