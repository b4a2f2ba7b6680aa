extension ReproductionCatalogue {
    /// Reproductions of the family `postTraining`.
    static let postTraining: [any Reproduction] = [
        BitStackReproduction(), LQLoRAReproduction(),
    ]
}
