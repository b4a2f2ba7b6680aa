import HalftoneCompression
import HalftoneModels
import HalftoneQuantization

extension LanguageBench {
    /// What flows into each linear layer of the float model's blocks on the calibration text.
    package func inputs(_ detail: InputStatistics.Detail) throws -> [Role: InputStatistics] {
        let pass = try CalibrationPass(model.weights, calibration, detail: detail, pool: pool)
        var found: [Role: InputStatistics] = [:]
        for _ in model.spec.blocks {
            pass.nextBlock { _, roles, inputs in
                for role in roles { found[role] = inputs }
                return [:]
            }
        }
        return found
    }
}
