import HalftoneCompression
import HalftoneData
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime

/// Memory of a program that runs a model, apart from file, keys and values.
enum MemoryTest {
    /// Tokens of a prompt that are read together.
    static let piece = 512

    /// Foretells it: what a program takes that runs the small model that comes along, and memory for
    /// the activations of a piece of a prompt.
    static func programBytes(for model: LanguageModel) throws -> Int {
        let small = ShippedModels.path(of: ShippedModels.stories)
        let outcome = try StartTest(model: small, threads: 1, activations: .int8).round().outcome
        let own = (outcome.residentBytes ?? 0) - (try StartTest.weightFileBytes(small))
        let spec = model.spec
        let widest = spec.slots.filter { $0.role.block == 0 && $0.role.isLinear }
            .reduce(0) { $0 + $1.shape[0] }
        let numbers = min(spec.contextLength, piece) * (3 * spec.width + widest)
        return max(own, 0) + numbers * MemoryLayout<Float>.size
    }
}

/// What a written model takes of the limits that it was to keep, measured.
struct MeasuredLimits: Encodable {
    /// Tokens a second of one sequence, where that is limited.
    var tokensPerSecond: Double?
    /// Resident memory of a process behind the context, where that is limited.
    var residentBytes: Int?
    /// Whether both are within what was asked for.
    var areKept = true

    /// Measures what is limited.
    init(_ budget: ModelBudget, of output: String, _ shared: SharedOptions) throws {
        if let memory = budget.memory {
            shared.note("measuring memory behind \(memory.context) tokens")
            residentBytes = try StartTest(
                model: output, behind: max(memory.context - 1, 1),
                threads: shared.pool.threadCount, activations: .int8
            ).round().outcome.residentBytes
            areKept = residentBytes.map { $0 <= memory.bytes } ?? true
        }
        guard let wanted = budget.tokensPerSecond else { return }
        let model = try LanguageModel(path: output, readsTokenizer: false)
        let speed = try SpeedTest.generation(SpeedTest.decoder(model.weights, shared.pool))
        tokensPerSecond = speed
        areKept = areKept && speed >= wanted
    }
}
