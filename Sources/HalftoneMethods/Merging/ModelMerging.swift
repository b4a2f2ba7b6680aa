import HalftoneTensor

/// Makes one model of several that were trained further from one start.
public protocol ModelMerging: Sendable {
    /// One vector out of the differences between each model and the common start.
    ///
    /// - Parameter differences: At least one vector, all of one length `[count]`.
    /// - Returns: What is added to the start, `[count]`.
    func merge(_ differences: [Tensor]) -> Tensor
}

extension ModelMerging {
    /// Merges models by the names of their parameters.
    ///
    /// Running statistics, such as those of batch norm, are no parameters: leave them out and
    /// measure them anew on the merged model.
    ///
    /// - Parameters:
    ///   - models: The models; each has the names and shapes of the base.
    ///   - base: What all of them started from.
    ///   - tied: Groups of names that share one parameter; it counts once and is written under all.
    /// - Returns: The merged model with the names of the base.
    /// - Throws: ``MergeError`` when the models do not fit the base.
    public func merge(
        _ models: [[String: Tensor]], base: [String: Tensor], tied: [[String]] = []
    ) throws(MergeError) -> [String: Tensor] {
        guard !models.isEmpty else { throw .noModels }
        let layout = try ParameterVector(base, tied: tied)
        var differences: [Tensor] = []
        for (index, model) in models.enumerated() {
            differences.append(try layout.difference(of: model, from: base, index: index))
        }
        return layout.adding(merge(differences), to: base)
    }
}
