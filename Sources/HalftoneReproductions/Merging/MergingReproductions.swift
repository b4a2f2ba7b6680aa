extension ReproductionCatalogue {
    /// Reproductions of the family `merging`.
    static let merging: [any Reproduction] = [
        TIESMergingReproduction()
    ]
}
