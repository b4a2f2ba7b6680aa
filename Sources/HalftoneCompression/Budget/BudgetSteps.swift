import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneRuns
import HalftoneTensor
import HalftoneTraining

/// The steps of a budgeted compression with what came of them, in a folder or nowhere.
struct BudgetSteps {
    private let run: Run?
    private let job: BudgetedCompression

    /// What must agree for a job to go on with another's steps.
    private struct Recipe: Encodable {
        var model: String
        var weights: String
        var budget: String
        var settings: BudgetSettings
        var calibration: String
        var heldOut: String
        var costs: String?
        var threads: Int
    }

    private static let parametersFile = "parameters.safetensors"
    private static let codesFile = "codes.safetensors"
    private static let numbersFile = "numbers.json"

    /// Opens the steps of a job, each a unit in the order in which they are done.
    ///
    /// - Parameters:
    ///   - path: The folder; nil for none.
    ///   - job: What reads which text with which settings.
    ///   - kind: The kind of the run.
    ///   - budget: What may be used.
    ///   - units: The steps.
    init(
        path: String?, job: BudgetedCompression, kind: String, budget: String, units: [String]
    ) throws {
        self.job = job
        guard let path else {
            run = nil
            return
        }
        let recipe = Recipe(
            model: job.model.source.path,
            weights: CompressionJournal.sample(of: job.model.weights), budget: budget,
            settings: job.settings,
            calibration: CompressionJournal.digest(of: job.calibration.sequences),
            heldOut: CompressionJournal.digest(of: [job.heldOut]),
            costs: try job.costs.map { try $0.digest() }, threads: job.pool.threadCount)
        run = try Run.open(
            at: path, kind: kind,
            recipe: RunRecipe(encoding: recipe),
            units: units)
    }

    /// Whether a step is in the folder.
    func isDone(_ step: String) throws -> Bool {
        try run?.status().done.contains(step) ?? false
    }

    /// The result of a step, computed unless it is there.
    func value<Value: Codable>(_ step: String, _ make: () throws -> Value) throws -> Value {
        guard let run else { return try make() }
        if try run.status().done.contains(step) {
            return try run.result(of: step)
        }
        let claim = try claim(step, in: run)
        let value = try make()
        try claim.finish(encoding: value)
        return value
    }

    /// The result of a step that measures many numbers, computed unless it is there.
    ///
    /// What the disk refuses of numbers on the way is left to the end of the step to say.
    func measured<Value: Codable>(
        _ step: String, _ make: (MeasuredNumbers) throws -> Value
    ) throws -> Value {
        guard let run else { return try make(MeasuredNumbers()) }
        return try value(step) {
            try keepingState(of: step, in: run) { keeper in
                try make(
                    MeasuredNumbers(keeper.start.map(Self.numbers) ?? [:]) { all in
                        try? keeper.keep(all.count) { folder in
                            let bits = all.mapValues(\.bitPattern)
                            try folder.write(
                                Array(JSONEncoder().encode(bits)), to: Self.numbersFile)
                        }
                    })
            }
        }
    }

    /// The numbers that are kept, to the bit.
    private static func numbers(of kept: Checkpoint) throws -> [String: Double] {
        do {
            return try JSONDecoder().decode(
                [String: UInt64].self, from: Data(kept.folder.read(numbersFile))
            ).mapValues { Double(bitPattern: $0) }
        } catch is DecodingError {
            throw RunError.damaged(
                path: kept.folder.path, reason: "\(numbersFile) is no list of numbers")
        }
    }

    /// The result of tuning, computed unless it is there.
    ///
    /// - Parameters:
    ///   - step: Its name.
    ///   - spec: The model's description.
    ///   - make: Tunes from the state that is kept, if one is; calls what it is given after each step
    ///     with how many are done.
    func parameters(
        _ step: String, of spec: DecoderSpec,
        _ make: (SavedState?, (Int, () -> SavedState) throws -> Void) throws -> TunedParameters
    ) throws -> TunedParameters {
        guard let run else { return try make(nil) { _, _ in } }
        if try run.status().done.contains(step) {
            let folder = try run.folder(of: step).path + "/"
            let tensors = try TensorFile.read(folder + Self.parametersFile)
            let codes = try SafetensorsFile(contentsOf: folder + Self.codesFile)
            var result = TunedParameters(factors: [:], vectors: [:])
            for slot in spec.slots {
                result.codes[slot.role] = codes.tensor(named: "\(slot.role)")?.bytes.array
                guard let values = tensors["\(slot.role)"].map({ Array($0.elements) }) else {
                    continue
                }
                if slot.shape.count == 1 {
                    result.vectors[slot.role] = values
                } else {
                    result.factors[slot.role] = values
                }
            }
            return result
        }
        let claim = try claim(step, in: run)
        let made = try keepingState(of: step, in: run) { keeper in
            do {
                return try make(keeper.start.map { try SavedState(from: $0.folder) }) {
                    count, state in
                    try keeper.keep(count) { try state().write(to: $0) }
                }
            } catch let error as ModuleError {
                throw RunError.damaged(
                    path: keeper.start?.folder.path ?? run.path, reason: "\(error)")
            }
        }
        let all = made.factors.merging(made.vectors) { first, _ in first }
        try TensorFile.write(
            Dictionary(
                uniqueKeysWithValues: all.map {
                    ("\($0)", Tensor(shape: [$1.count], elements: $1))
                }), to: claim.folder.path + "/" + Self.parametersFile)
        var codes = SafetensorsWriter()
        for (role, bytes) in made.codes.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            try codes.add(
                TensorSource(
                    name: "\(role)", shape: [bytes.count], encoding: .elements(.uint8)
                ) { try $0.write(Bytes(bytes)) })
        }
        try codes.write(to: claim.folder.path + "/" + Self.codesFile)
        try claim.finish()
        return made
    }

    /// A journal for the blocks of one candidate.
    func journal(
        _ name: String, model: LanguageModel, recipe: CompressionRecipe,
        calibration: CalibrationText
    ) throws -> CompressionJournal? {
        try run.map { run in
            try CompressionJournal(
                at: run.path + "/" + name, model: model, recipe: recipe, method: "gptq",
                calibration: calibration, threads: job.pool.threadCount)
        }
    }

    /// Does something that begins with the state that is kept of it, and keeps its own.
    private func keepingState<Value>(
        of step: String, in run: Run, _ body: (StateKeeper) throws -> Value
    ) throws -> Value {
        let lock = try run.lock()
        defer { lock.release() }
        return try body(
            StateKeeper(step: step, start: run.latestCheckpoint(step), lock: lock))
    }

    private func claim(_ step: String, in run: Run) throws -> UnitClaim {
        guard let claim = try run.claim(step) else {
            throw RunError.claimLost(unit: step)
        }
        return claim
    }
}

/// Keeps the state of a step that is not done yet, every so often: no more than a tenth of the time goes
/// into that.
private final class StateKeeper {
    /// What was kept when the step was last stopped.
    let start: Checkpoint?
    private let step: String
    private let lock: RunLock
    private var saved: ContinuousClock.Instant?

    /// How long a step goes on before its state is kept again.
    private var interval = Duration.seconds(20)

    init(step: String, start: Checkpoint?, lock: RunLock) {
        (self.step, self.start, self.lock) = (step, start, lock)
    }

    /// Keeps a state, unless another was kept some seconds ago.
    ///
    /// - Parameters:
    ///   - version: The higher, the later.
    ///   - fill: Writes it.
    func keep(_ version: Int, _ fill: (RunFolder) throws -> Void) throws {
        if let saved, saved.duration(to: .now) < interval { return }
        let began = ContinuousClock.now
        try lock.saveCheckpoint(step, version: version, fill)
        saved = .now
        interval = max(interval, began.duration(to: .now) * 10)
    }
}
