import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime

/// Starts of fresh processes, from their beginning to their end behind the first token.
struct StartTest {
    private let program: URL
    private let arguments: [String]

    /// What a process that has made its first token says about itself.
    struct Outcome: Codable {
        /// Of resident memory.
        let residentBytes: Int?
        /// Of resident memory at most.
        let peakBytes: Int?
        /// Of keys, values and activations.
        let cacheBytes: Int
    }

    /// Prepares starts of this program.
    init(model: String, behind: Int = 1, threads: Int, activations: Activations) throws {
        guard let program = Bundle.main.executableURL else {
            throw CommandError("this program does not know its own path", .unavailable)
        }
        self.program = program
        arguments = [
            "bench", model, "--first-token", "--behind", "\(behind)", "--threads", "\(threads)",
            "--activations", activations.rawValue,
        ]
    }

    /// Starts once.
    func round() throws -> (seconds: Double, outcome: Outcome) {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        let start = ContinuousClock.now
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let seconds = (ContinuousClock.now - start).seconds
        guard process.terminationStatus == 0 else {
            throw CommandError(
                "a start ended with status \(process.terminationStatus)", .failed)
        }
        return (seconds, try JSONDecoder().decode(Outcome.self, from: data))
    }

    /// What a process that is started does: reads one token, or more of them, and tells about its
    /// memory.
    static func firstToken(
        model: String, behind: Int = 1, _ shared: SharedOptions,
        _ generation: GenerationArguments
    ) throws {
        var loaded = try LanguageModel(path: ModelStore.path(of: model), readsTokenizer: false)
        let pool = shared.pool
        generation.layOut(&loaded, on: pool)
        let decoder = Decoder(loaded.weights, pool: pool, activations: generation.activations)
        let state = decoder.makeState(capacity: behind + 1)
        var left = behind
        while left > 0 {
            let piece = min(left, MemoryTest.piece)
            _ = try decoder.logits(after: [Int32](repeating: 1, count: piece), state: state)
            left -= piece
        }
        try Console.json(
            Outcome(
                residentBytes: ProcessMemory.residentBytes, peakBytes: ProcessMemory.peakBytes,
                cacheBytes: state.cacheByteCount))
    }

    /// Bytes of the files that hold a model's weights.
    static func weightFileBytes(_ path: String) throws -> Int {
        let manager = FileManager.default
        func size(_ path: String) throws -> Int {
            let resolved = URL(filePath: path).resolvingSymlinksInPath().path
            return try manager.attributesOfItem(atPath: resolved)[.size] as? Int ?? 0
        }
        guard let names = try? manager.contentsOfDirectory(atPath: path) else {
            return try size(path)
        }
        return try names.filter { $0.hasSuffix(".safetensors") }
            .reduce(0) { try $0 + size(path + "/" + $1) }
    }
}

/// What `bench --start` shows.
struct StartReport: Encodable {
    let model: String
    let threads: Int
    let activations: Activations
    /// Bytes of the files with the weights.
    let fileBytes: Int
    /// The median of the rounds.
    let seconds: Double
    let fastest: Double
    let slowest: Double
    /// The medians of the rounds.
    let residentBytes: Int?
    let peakMemoryBytes: Int?
    let cacheBytes: Int
    /// The median of the peer's rounds.
    let peerSeconds: Double?

    var text: String {
        func share(_ bytes: Int?) -> String {
            guard let bytes else { return "unknown" }
            return Formatting.bytes(bytes) + ", "
                + Formatting.decimal(Double(bytes) / Double(max(fileBytes, 1)), 2) + " × the file"
        }
        var lines = [
            "to the first token   \(Formatting.decimal(seconds, 3)) s "
                + "(\(Formatting.decimal(fastest, 3)) to \(Formatting.decimal(slowest, 3))), "
                + "start and end of the process included",
            "weight file          \(Formatting.bytes(fileBytes))",
            "resident then        \(share(residentBytes))",
            "peak memory          \(share(peakMemoryBytes))",
        ]
        if let peerSeconds {
            lines.append(
                "peer                 \(Formatting.decimal(peerSeconds, 3)) s; "
                    + "\(Formatting.decimal(seconds / peerSeconds, 2)) × its time")
        }
        return lines.joined(separator: "\n")
    }
}
