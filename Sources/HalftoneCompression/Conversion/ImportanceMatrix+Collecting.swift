import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

extension ImportanceMatrix {
    /// Collects the squares of what the blocks' linear layers of a float model read on a text.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - text: What is read.
    ///   - dataset: What the text is called.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by a block at a time.
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that the model cannot read.
    public init(
        _ model: LanguageModel, text: CalibrationText, dataset: String, pool: WorkerPool,
        progress: RunProgress? = nil
    ) throws(CompressionError) {
        var entries: [String: Entry] = [:]
        let pass = try CalibrationPass(model.weights, text, detail: .features, pool: pool)
        for index in model.spec.blocks.indices {
            pass.nextBlock { _, roles, inputs in
                for role in roles {
                    let name = model.architecture.gguf(role, in: model.spec).names[0]
                    entries[name] = Entry(
                        squareSums: inputs.squareSums.map { Float($0) },
                        count: Float(inputs.tokenCount))
                }
                return [:]
            }
            progress?.advance(by: 1, note: "block \(index)")
        }
        self.init(
            entries: entries, datasets: [dataset], chunkCount: text.sequences.count,
            chunkSize: text.sequences.map(\.count).max() ?? 0)
    }

    /// What is known of the inputs of a model's matrices.
    ///
    /// - Throws: ``CompressionError/badCalibration(_:)`` when a matrix has another width.
    public func statistics(
        for model: LanguageModel
    ) throws(CompressionError) -> [Role: InputStatistics] {
        var result: [Role: InputStatistics] = [:]
        for slot in model.spec.slots where slot.role.isLinear {
            let name = model.architecture.gguf(slot.role, in: model.spec).names[0]
            guard let squares = entries[name]?.meanSquares else { continue }
            guard squares.count == slot.shape[1] else {
                throw .badCalibration(
                    "the importance matrix has \(squares.count) features for \(name), which reads "
                        + "\(slot.shape[1]); it is of another model")
            }
            result[slot.role] = InputStatistics(meanSquares: squares)
        }
        guard !result.isEmpty else {
            throw .badCalibration("the importance matrix names no matrix of this model")
        }
        return result
    }
}
