extension ReproductionCatalogue {
    /// Reproductions of the family `caches`.
    static let caches: [any Reproduction] = [
        KSortReproduction(),
        VidKVReproduction(),
    ]
}
