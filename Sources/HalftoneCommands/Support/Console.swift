import Foundation

/// Where commands write: results to standard output, everything else to standard error.
enum Console {
    /// Writes a line of results.
    static func result(_ text: String) {
        write(text + "\n", to: .standardOutput)
    }

    /// Writes results without ending the line, for text that streams.
    static func stream(_ text: String) {
        write(text, to: .standardOutput)
    }

    /// Writes a line that is no result: what is done, a warning.
    static func note(_ text: String) {
        write(text + "\n", to: .standardError)
    }

    /// Writes a prompt to standard error, where it mixes with no results.
    static func prompt(_ text: String) { write(text, to: .standardError) }

    /// Writes a value as JSON with sorted names.
    static func json(_ value: some Encodable) throws { result(try Formatting.json(value)) }

    /// Whether a person reads standard error.
    static var isInteractive: Bool { isatty(FileHandle.standardError.fileDescriptor) == 1 }

    private static func write(_ text: String, to handle: FileHandle) {
        // A closed pipe is the reader's way to say that it has seen enough.
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
