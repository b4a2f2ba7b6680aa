import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime

/// A pass of calibration text through a model whose matrices are replaced on the way.
///
/// Every layer is shown the inputs that it has behind the layers before it as they are by then,
/// quantized ones included; who replaces nothing gets the inputs of the float model.
public struct CalibrationPass {
    private let run: StagedRun
    private let detail: InputStatistics.Detail
    private let pool: WorkerPool

    /// Reads the embeddings of the text.
    ///
    /// - Parameters:
    ///   - weights: Of the model at first.
    ///   - text: What is read.
    ///   - detail: What is collected of inputs.
    ///   - pool: The threads to use.
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that the model cannot read.
    public init(
        _ weights: DecoderWeights, _ text: CalibrationText, detail: InputStatistics.Detail,
        pool: WorkerPool
    ) throws(CompressionError) {
        guard !text.sequences.isEmpty else {
            throw .badCalibration("there is no text to calibrate with")
        }
        do {
            run = try StagedRun(weights, sequences: text.sequences, pool: pool)
        } catch {
            throw .badCalibration(error.description)
        }
        self.detail = detail
        self.pool = pool
    }

    /// The block that comes next.
    public var block: Int { run.block }

    /// The parameters with those replaced that were replaced so far.
    public var weights: DecoderWeights { run.weights }

    /// Computes the next block.
    ///
    /// - Parameter replace: Called for each stage with the matrices that read the same inputs and
    ///   what the inputs are; gives what stands for those of them that are replaced.
    public func nextBlock<Failure: Error>(
        replacing replace: (BlockStage, [Role], InputStatistics) throws(Failure) -> [Role:
            any WeightMatrix]
    ) throws(Failure) {
        try nextBlock(in: [Part(end: run.lengths.count, detail: detail)]) {
            stage, roles, inputs throws(Failure) in
            try replace(stage, roles, inputs[0])
        }
    }

    /// Some of the sequences.
    struct Part {
        /// Where they end; they begin where those before them end.
        var end: Int
        /// What is collected of inputs.
        var detail: InputStatistics.Detail
    }

    /// Computes the next block, the inputs of some sequences apart from those of others.
    ///
    /// - Parameters:
    ///   - parts: Of the sequences, in their order, all of them.
    ///   - replace: Called for each stage with the matrices that read the same inputs and what the
    ///     inputs of each part are; gives what stands for those of them that are replaced.
    func nextBlock<Failure: Error>(
        in parts: [Part],
        replacing replace: (BlockStage, [Role], [InputStatistics]) throws(Failure) -> [Role:
            any WeightMatrix]
    ) throws(Failure) {
        precondition(parts.last?.end == run.lengths.count, "parts have all sequences")
        let index = run.block
        let block = run.weights.spec.blocks[index]
        var inputs: [InputStatistics] = []
        try run.run { _, activations in
            if activations.sequence == 0 {
                inputs = parts.map {
                    InputStatistics(width: activations.width, detail: $0.detail)
                }
            }
            let part = parts.firstIndex { activations.sequence < $0.end } ?? 0
            guard parts[part].detail > .none else { return }
            activations.withRows { inputs[part].add($0, rows: $1, pool: pool) }
        } replacing: { stage throws(Failure) in
            try replace(stage, stage.parts(of: block).map { Role($0, block: index) }, inputs)
        }
    }

    /// Computes the next block with matrices that are known, without looking at inputs.
    public func nextBlock(with known: [Role: any WeightMatrix]) {
        let index = run.block
        let block = run.weights.spec.blocks[index]
        run.run { stage in
            var replaced: [Role: any WeightMatrix] = [:]
            for part in stage.parts(of: block) {
                let role = Role(part, block: index)
                replaced[role] = known[role]
            }
            return replaced
        }
    }

    /// What the head reads, once all blocks are computed.
    public func finalInputs() -> InputStatistics {
        var inputs = InputStatistics(width: run.weights.spec.width, detail: detail)
        for (index, length) in run.lengths.enumerated() {
            inputs.add(FloatBuffer(run.hidden(ofSequence: index)), rows: 0..<length, pool: pool)
        }
        return inputs
    }
}
