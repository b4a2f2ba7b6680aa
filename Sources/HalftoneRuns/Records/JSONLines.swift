import Foundation

/// Reads files with one JSON document on each line.
public enum JSONLines {
    /// Decodes all lines that can be; a line that was torn by a crash is passed over.
    ///
    /// - Returns: The values in the order of the file, and how many lines could not be decoded.
    public static func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, from bytes: [UInt8]
    ) -> (values: [Value], brokenLineCount: Int) {
        var values: [Value] = []
        var broken = 0
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if let value = try? RunJSON.decode(type, from: Array(line)) {
                values.append(value)
            } else {
                broken += 1
            }
        }
        return (values, broken)
    }
}

/// Adds lines to a file; a torn last line is ended first, so that it spoils no other.
final class JSONLinesWriter {
    private let path: String
    private let fileSystem: any RunFileSystem
    private var file: (any RunFile)?

    init(path: String, fileSystem: any RunFileSystem) {
        self.path = path
        self.fileSystem = fileSystem
    }

    /// Adds one line in one write, so that several processes can share a file.
    func append(_ line: [UInt8]) throws {
        let newline = UInt8(ascii: "\n")
        var bytes = line + [newline]
        let file: any RunFile
        if let open = self.file {
            file = open
        } else {
            file = try fileSystem.openForAppending(path)
            if let size = try fileSystem.status(path)?.byteCount, size > 0,
                try fileSystem.read(path, from: size - 1, count: 1) != [newline]
            {
                bytes.insert(newline, at: 0)
            }
            self.file = file
        }
        do {
            try file.write(bytes)
        } catch {
            // What was written is unknown: look again before the next line.
            self.file = nil
            throw error
        }
    }

    func synchronize() throws { try file?.synchronize() }
}
