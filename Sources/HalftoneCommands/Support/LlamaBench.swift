import Foundation
import HalftoneRuntime

/// Runs llama.cpp's `llama-bench`, for speeds of the same moment beside ours.
struct LlamaBench {
    private let program: String
    private let model: String
    private let threads: Int

    /// Finds the program.
    ///
    /// - Parameters:
    ///   - peer: `llama.cpp`, to look for `llama-bench` on the path, or the program's path.
    ///   - model: A GGUF file.
    /// - Throws: ``LlamaBenchError`` when there is none.
    init(peer: String, model: String, threads: Int) throws(LlamaBenchError) {
        let candidates =
            peer == "llama.cpp"
            ? (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
                .map { $0 + "/llama-bench" }
            : [peer]
        guard let program = candidates.first(where: FileManager.default.isExecutableFile) else {
            throw .notFound(peer)
        }
        self.program = program
        self.model = model
        self.threads = threads
    }

    /// What the program prints for a measurement.
    private struct Row: Decodable {
        let promptTokens: Int
        let newTokens: Int
        let tokensPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case promptTokens = "n_prompt"
            case newTokens = "n_gen"
            case tokensPerSecond = "avg_ts"
        }
    }

    /// Tokens per second of one round.
    ///
    /// - Returns: One speed for each length of a prompt, then that of generation.
    func round(prompts: [Int], tokens: Int) throws(LlamaBenchError) -> [Double] {
        let data = try output([
            "-p", prompts.map(String.init).joined(separator: ","), "-n", "\(tokens)", "-r", "1",
            "-o", "json",
        ])
        guard let rows = try? JSONDecoder().decode([Row].self, from: data) else {
            throw .failed(program, "its output is not the JSON that is known")
        }
        var speeds: [Double] = []
        for (prompt, new) in prompts.map({ ($0, 0) }) + [(0, tokens)] {
            guard
                let row = rows.first(where: { $0.promptTokens == prompt && $0.newTokens == new })
            else { throw .failed(program, "it measured no prompt of \(prompt) and \(new) tokens") }
            speeds.append(row.tokensPerSecond)
        }
        return speeds
    }

    /// Seconds of a process that opens the model, makes one token and ends.
    func start() throws(LlamaBenchError) -> Double {
        let start = ContinuousClock.now
        _ = try output(["-p", "0", "-n", "1", "-r", "1", "--no-warmup", "-o", "json"])
        return (ContinuousClock.now - start).seconds
    }

    /// What the program prints.
    private func output(_ arguments: [String]) throws(LlamaBenchError) -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["-m", model, "-t", "\(threads)"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        let data: Data
        do {
            try process.run()
            data = try output.fileHandleForReading.readToEnd() ?? Data()
        } catch {
            throw .failed(program, "\(error)")
        }
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw .failed(program, "it ended with status \(process.terminationStatus)")
        }
        return data
    }
}

/// Why the peer has no speeds.
enum LlamaBenchError: Error, CustomStringConvertible {
    case notFound(String)
    case failed(String, String)

    var description: String {
        switch self {
        case .notFound("llama.cpp"):
            "there is no llama-bench on the path; give its path with --against"
        case .notFound(let path): "\(path) is no program that can be run"
        case .failed(let program, let reason): "\(program): \(reason)"
        }
    }
}
