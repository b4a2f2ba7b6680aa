import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTransforms

extension ChannelScaling {
    /// Looks for the factors of all places of a float model by what a text makes flow there.
    ///
    /// - Parameters:
    ///   - search: Looks at one place.
    ///   - model: The float model.
    ///   - recipe: What its matrices will be stored as; places whose readers stay float are passed
    ///     over.
    ///   - calibration: The text.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by a block at a time.
    /// - Throws: ``CompressionError`` naming the place.
    public init(
        _ search: any ScaleFactorSearch, for model: DecoderWeights, recipe: CompressionRecipe,
        calibration: CalibrationText, pool: WorkerPool, progress: RunProgress? = nil
    ) throws(CompressionError) {
        var factors: [ActivationPlace: [Float]] = [:]
        let pass = try CalibrationPass(
            model, calibration, detail: search.inputDetail, pool: pool)
        for (index, block) in model.spec.blocks.enumerated() {
            try pass.nextBlock { stage, roles, inputs throws(CompressionError) in
                guard Self.applies(to: stage, of: block),
                    let scheme = recipe.scheme(for: roles[0])
                else { return [:] }
                do throws(QuantizationError) {
                    factors[ActivationPlace(block: index, stage: stage)] = try search.factors(
                        for: roles.map { model.matrix($0) }, scheme: scheme, inputs: inputs,
                        shared: Self.sharedChannels(of: stage, in: block), pool: pool)
                } catch {
                    throw .cannotQuantize(
                        matrix: "block \(index), \(stage)", reason: error.description)
                }
                return [:]
            }
            progress?.advance(by: 1, note: "block \(index)")
        }
        self.init(factors)
    }
}
