import HalftoneKernels

/// What a path to a model turned out to be.
public enum ModelFile: Sendable {
    /// A Hugging Face folder with its weights.
    case folder(ModelFolder, SafetensorsCheckpoint)
    /// Weights in safetensors form without the documents of a model.
    case safetensors(SafetensorsCheckpoint)
    /// A GGUF file with everything in it.
    case gguf(GGUFFile)

    /// The tensors, whatever holds them.
    public var archive: any TensorArchive {
        switch self {
        case .folder(_, let checkpoint), .safetensors(let checkpoint): checkpoint
        case .gguf(let file): file
        }
    }
}

/// Opens a model by what it is: a folder, a safetensors file or index, or a GGUF file.
///
/// Content decides, not the ending of the name.
///
/// - Throws: ``FileError``, also for files that are known to be something else.
public func openModelFile(_ path: String) throws(FileError) -> ModelFile {
    if try ModelPath.isFolder(path) {
        let folder = try ModelFolder(path)
        return .folder(folder, try folder.weights())
    }
    if path.hasSuffix(".json") {
        return .safetensors(try SafetensorsCheckpoint(contentsOf: path))
    }
    let file = try MappedFile(path)
    switch FileContent(file.bytes) {
    case .gguf: return .gguf(try GGUFFile(contentsOf: path))
    case .safetensors: return .safetensors(try SafetensorsCheckpoint(contentsOf: path))
    case nil:
        // Without the bracket that begins a header it is no damaged safetensors file either.
        guard file.bytes.count > 8, file.bytes[8] == UInt8(ascii: "{") else {
            throw FileError(path: path, .unknownContent(expected: "a safetensors or GGUF file"))
        }
        return .safetensors(try SafetensorsCheckpoint(contentsOf: path))
    case let content?:
        throw FileError(
            path: path, .wrongContent(content, expected: "a safetensors or GGUF file"))
    }
}
