import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTensor

/// How long a job will take and how much memory, told before it starts.
///
/// Both are estimates to choose an effort by: operations are counted, their speed is measured on this
/// machine for some tenths of a second, and what else runs beside the job is not known.
public struct JobForecast: Sendable, Codable, Equatable {
    /// Seconds, of the longest way that the job can take.
    public var seconds: Double
    /// The largest resident size of the process.
    public var memoryBytes: Int
}

extension BudgetedCompression {
    /// What the job will take, if nothing of it is done yet.
    public func forecast() -> JobForecast {
        let work = JobWork(self)
        return JobForecast(
            seconds: work.seconds(MachineRates(for: likelySettings, spec: model.spec, pool: pool)),
            memoryBytes: work.memoryBytes)
    }
}

/// What this machine does in a second.
private struct MachineRates {
    /// Multiplications and additions of float32 matrix products, as two operations each.
    let operations: Double
    /// Numbers that go through a softmax.
    let chances: Double
    /// Seconds to find scales and codes of a weight, without what columns make up for.
    let roundings: [WeightPacking: Double]
    /// The same where columns count by what they read, for which more scales are tried.
    let weightedRoundings: [WeightPacking: Double]

    init(for settings: BudgetSettings, spec: DecoderSpec, pool: WorkerPool) {
        // As wide as the model, and no wider than takes a moment.
        let width = min(max(spec.width, 256), 1024)
        let tokens = Tensor.normal([256, width], seed: 1)
        let weight = Tensor.normal([width, width], seed: 2)
        operations = Double(2 * 256 * width * width) / Self.seconds { _ = tokens.matmul(weight) }
        let logits = Tensor.normal([64, 4096], seed: 3)
        chances = Double(logits.count) / Self.seconds { _ = logits.logSoftmax().exp() }
        let columns = max(width / 256, 1) * 256
        let values = Tensor.normal([64, columns], seed: 4).elements
        let rows = try? BlockMatrix(
            type: .f32, rows: 64, columns: columns,
            bytes: Bytes(BlockCodec.encode(.f32, Array(values), columns: columns)))
        let packings = Set(
            spec.slots.filter { $0.role.isPackable }.flatMap {
                settings.packings(for: $0.role, columns: $0.shape[1])
            })
        func roundings(_ inputs: InputStatistics?) -> [WeightPacking: Double] {
            let method = RoundToNearest(weighsInputs: inputs != nil)
            return Dictionary(
                uniqueKeysWithValues: packings.map { packing in
                    let taken = Self.seconds {
                        _ = try? rows.map {
                            try method.packed($0, as: packing, inputs: inputs, pool: pool)
                        }
                    }
                    return (packing, taken / Double(values.count))
                })
        }
        // Those of layers alike are weighted, and so are costs of codes that are found for a text.
        self.roundings = settings.costWindows == 0 ? roundings(nil) : [:]
        weightedRoundings = roundings(
            InputStatistics(
                meanSquares: Tensor.normal([columns], seed: 5).elements.map { $0 * $0 }))
    }

    /// The least of three times.
    private static func seconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        return (0..<3).map { _ in
            let taken = clock.measure(body).components
            return Double(taken.seconds) + 1e-18 * Double(taken.attoseconds)
        }.min() ?? 0
    }
}

/// What a job computes, step by step as ``BudgetTrials`` takes them.
private struct JobWork {
    private let job: BudgetedCompression
    private let spec: DecoderSpec
    private let settings: BudgetSettings
    /// Weights of layers of the blocks, and of the matrix that gives logits.
    private let (body, head): (Double, Double)
    private let packed: [ParameterSlot]

    init(_ job: BudgetedCompression) {
        self.job = job
        spec = job.model.spec
        settings = job.likelySettings
        let layers = spec.slots.filter { $0.role.isLinear && $0.role.block != nil }
        body = Double(layers.reduce(0) { $0 + $1.shape.reduce(1, *) })
        head = Double(spec.vocabularySize * spec.width)
        packed = spec.slots.filter { [settings] in
            $0.role.isPackable && !settings.packings(for: $0.role, columns: $0.shape[1]).isEmpty
        }
    }

    private var isTuned: Bool { settings.tuning != nil && job.isTunable }
    private var windows: Int { job.calibration.sequences.count }
    private var length: Double { Double(min(settings.length, spec.contextLength)) }

    /// Tokens of so many windows, of those that there are.
    private func tokens(_ count: Int) -> Double { Double(min(count, windows)) * length }

    func seconds(_ rates: MachineRates) -> Double {
        let costs = job.costs == nil ? costs(rates) : 0
        let quantized = quantizing(rates, windows: settings.calibrationWindows)
        let trials = job.budget.limitsLoss ? settings.trials : 1
        let held =
            (2 * (body + head) / rates.operations
                + Double(spec.vocabularySize) / rates.chances) * Double(job.heldOut.count)
        let tuned = isTuned ? tuning(rates) + held : 0
        var evolved = 0.0
        if let search = settings.evolution, !job.budget.limitsLoss {
            let tried = Double(search.generations * search.offspring * settings.evolutionWindows)
            evolved = 4 * quantized + held + tried * length * held / Double(job.heldOut.count)
        }
        // Coded layers are quantized again where tables do not make up for their bytes.
        let again =
            settings.order == .coded && settings.tableByteCount(of: spec) != nil ? quantized : 0
        // Layers alike, too.
        return costs + held + evolved + again
            + Double(trials + 1) * (quantized + held) + Double(trials) * tuned
    }

    /// What each way to store each matrix costs.
    private func costs(_ rates: MachineRates) -> Double {
        var sum = passing(tokens(settings.costTextWindows), rates)
        if job.isTunable {
            sum +=
                tokens(settings.judgingWindows)
                * (4 * (body + head) / rates.operations
                    + Double(spec.vocabularySize) / rates.chances)
        }
        for slot in packed {
            let (rows, columns) = (slot.shape[0], slot.shape[1])
            let step = max(1, min(settings.costRowStep, rows / settings.costRows))
            let packings = settings.packings(for: slot.role, columns: columns)
            for packing in packings {
                // Judged by a product with second moments.
                sum +=
                    rounding(
                        rows / step, columns, packing, rates, isWeighted: settings.costWindows > 0)
                    + Double(2 * rows / step * columns * columns) / rates.operations
            }
        }
        return sum
    }

    /// Codes of one plan.
    private func quantizing(_ rates: MachineRates, windows: Int) -> Double {
        packed.reduce(passing(tokens(windows), rates)) { sum, slot in
            let packings = settings.packings(for: slot.role, columns: slot.shape[1])
            let each = packings.map {
                rounding(slot.shape[0], slot.shape[1], $0, rates, isWeighted: true)
            }
            return sum + each.reduce(0, +) / Double(max(packings.count, 1))
        }
    }

    /// A text on its way through the blocks, with the second moments of what layers read.
    private func passing(_ tokens: Double, _ rates: MachineRates) -> Double {
        var operations = 2 * body * tokens
        for block in spec.blocks {
            let attention = Double(block.attention.heads * block.attention.headDim)
            let widths =
                [Double(spec.width), attention, Double(spec.width)]
                + [Double(block.mlp.hiddenWidth)]
            operations += widths.reduce(0) { $0 + $1 * $1 * (tokens + $1) }
            operations += 4 * tokens * length * attention
        }
        // Layer by layer, with all that is between products: about half their speed.
        return 2 * operations / rates.operations
    }

    /// Codes of a matrix, whose later columns make up for the earlier ones.
    private func rounding(
        _ rows: Int, _ columns: Int, _ packing: WeightPacking, _ rates: MachineRates,
        isWeighted: Bool
    ) -> Double {
        let count = Double(rows) * Double(columns)
        let roundings = isWeighted ? rates.weightedRoundings : rates.roundings
        return count * (roundings[packing] ?? 0)
            + count * Double(columns) / rates.operations
    }

    private func tuning(_ rates: MachineRates) -> Double {
        let steps = Double(settings.tuning?.steps ?? 0)
        let read = min(steps, Double(windows))
        let tokens = min(length, Double(settings.tuning?.length ?? 0))
        // Back and forth, with gradients of weights where rows have several scales; the head's are not
        // wanted, but its logits twice.
        let ofBody = settings.order == .coded ? 4 * body : 6 * body
        let operations = steps * (ofBody + 6 * head) + read * 2 * body
        // What is between products of a step takes its time in small models, too.
        return steps * Double(spec.blocks.count) * 3e-3 + tokens
            * (operations / rates.operations
                + steps * 4 * Double(spec.vocabularySize) / rates.chances)
    }

    /// The most that any step holds.
    var memoryBytes: Int {
        let size = Double(MemoryLayout<Float>.size)
        let weights = size * (body + head)
        let (width, vocabulary) = (Double(spec.width), Double(spec.vocabularySize))
        let hidden = spec.blocks.map { Double($0.mlp.hiddenWidth) }.max() ?? 0
        let attention =
            spec.blocks.map {
                Double($0.attention.heads * $0.attention.headDim)
            }.max() ?? 0
        // What layers keep of a window for the way back.
        let kept =
            size * length * Double(spec.blocks.count)
            * (10 * width + 8 * attention + 7 * hidden)
        let gradients = weights + kept + 5 * size * length * vocabulary
        let texts = tokens(max(settings.costTextWindows, settings.calibrationWindows))
        let moments = 4 * size * max(width * width, hidden * hidden)
        let quantizing = 2 * size * texts * (width + hidden) + moments + body
        let read = min(Double(settings.tuning?.steps ?? 0), Double(windows))
        // Scaled copies of the layers, gradients of codes, the head of the float model, and what that
        // reads.
        let trained = (settings.tuning?.codeRate ?? 0) > 0 ? 2 * body : body
        let tuning = gradients + size * (trained + head + read * length * width)
        // Pages of the file are read on the way.
        let stored = packed.reduce(Double(ProcessMemory.residentBytes ?? 0)) {
            $0 + Double(job.model.weights.matrix($1.role).byteCount)
        }
        let steps = [quantizing, job.isTunable ? gradients : 0, isTuned ? tuning : 0]
        return Int(stored + (steps.max() ?? 0))
    }
}
