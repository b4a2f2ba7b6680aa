import HalftoneKernels

/// What a file holds, judged by its first bytes.
public enum FileContent: Sendable, Equatable {
    case safetensors
    case gguf
    case gitLFSPointer
    case webPage
    case zipArchive
    case pickle
    case zeros
    case empty

    /// Recognises a file, or gives nil for content of no known kind.
    ///
    /// - Complexity: Looks at no more than 4,096 bytes.
    public init?(_ bytes: Bytes) {
        let start = bytes[0..<min(bytes.count, 4096)].array
        // A header length that is plausible and a header that begins come first: such a length
        // may look like the first bytes of another format.
        if start.count >= 9, start[8] == UInt8(ascii: "{"),
            bytes.load(UInt64.self, at: 0) <= UInt64(SafetensorsFile.maximumHeaderByteCount)
        {
            self = .safetensors
        } else if start.isEmpty {
            self = .empty
        } else if start.starts(with: "GGUF".utf8) {
            self = .gguf
        } else if start.starts(with: "version https://git-lfs".utf8) {
            self = .gitLFSPointer
        } else if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .zipArchive
        } else if start.count >= 2, start[0] == 0x80, (2...5).contains(start[1]) {
            self = .pickle
        } else if Self.looksLikeWebPage(start) {
            self = .webPage
        } else if start.allSatisfy({ $0 == 0 }) {
            self = .zeros
        } else {
            return nil
        }
    }

    private static func looksLikeWebPage(_ start: [UInt8]) -> Bool {
        let text = start.drop { $0 <= 0x20 }.prefix(16)
            .map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return ["<!doctype", "<html", "<?xml", "{\"error\"", "{\"message\""]
            .contains { text.starts(with: $0.utf8) }
    }

    /// What a reader should be told, as the rest of a sentence that begins with "this is".
    var explanation: String {
        switch self {
        case .safetensors: "a safetensors file"
        case .gguf: "a GGUF file"
        case .gitLFSPointer:
            "a Git-LFS pointer: the real file was not downloaded (run: git lfs pull)"
        case .webPage: "a web page or an error message of a server saved as a file; download again"
        case .zipArchive:
            "a zip archive, as PyTorch saves checkpoints; it may run code when opened and is not "
                + "read (convert it to safetensors)"
        case .pickle:
            "a Python pickle; it may run code when opened and is not read "
                + "(convert it to safetensors)"
        case .zeros: "a file of zeros: a download that was prepared and did not finish"
        case .empty: "an empty file"
        }
    }
}
