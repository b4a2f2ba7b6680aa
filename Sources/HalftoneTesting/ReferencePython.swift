import Foundation

/// Runs the scripts below `Tests` with the interpreter that HALFTONE_PYTHON names.
package enum ReferencePython {
    private static let interpreter =
        ProcessInfo.processInfo.environment["HALFTONE_PYTHON"] ?? "python3"

    /// Whether the interpreter has some modules, named with commas between.
    package static func has(_ modules: String) -> Bool {
        (try? run(["-c", "import " + modules]).code) == 0
    }

    /// Runs the interpreter and gives its exit code and all that it printed.
    package static func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [interpreter] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// The path of a script below `Tests`.
    ///
    /// - Parameters:
    ///   - name: Its path there.
    ///   - file: The test that asks, in a folder of its own below `Tests`.
    package static func script(_ name: String, file: String = #filePath) -> String {
        URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: name).path(percentEncoded: false)
    }
}
