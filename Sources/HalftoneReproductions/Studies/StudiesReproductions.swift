extension ReproductionCatalogue {
    /// Reproductions of the family `studies`.
    static let studies: [any Reproduction] = [
        PTQImpactReproduction(),
        PTQBenchmarkReproduction(),
    ]
}
