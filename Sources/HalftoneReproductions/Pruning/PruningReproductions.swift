extension ReproductionCatalogue {
    /// Reproductions of the family `pruning`.
    static let pruning: [any Reproduction] = [
        IterativeFeatureMergingReproduction()
    ]
}
