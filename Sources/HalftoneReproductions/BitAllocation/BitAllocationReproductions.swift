extension ReproductionCatalogue {
    /// Reproductions of the family `bitAllocation`.
    static let bitAllocation: [any Reproduction] = [
        BAQReproduction(),
        LayerwiseQuantReproduction(),
    ]
}
