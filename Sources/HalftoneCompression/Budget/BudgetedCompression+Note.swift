import HalftoneModels

extension BudgetedCompression.Outcome {
    /// What was found out, for who looks at the model later.
    ///
    /// Costs that are no divergences, or are not known, are left out.
    public var note: CompressionNote {
        let areDivergences = plan.cost > 0 && candidates.contains { $0.expected != nil }
        let weights = Double(max(costs.weightCount, 1))
        return CompressionNote(
            damage: areDivergences ? costs.choices(of: plan).mapValues(\.cost) : [:],
            candidates: candidates.enumerated().map { place, candidate in
                CompressionNote.Candidate(
                    name: candidate.kind.rawValue, bytes: candidate.packedBytes,
                    bitsPerWeight: 8 * Double(candidate.packedBytes) / weights,
                    divergence: candidate.divergence, isChosen: place == candidates.count - 1)
            })
    }
}
