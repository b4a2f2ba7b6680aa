extension ReproductionCatalogue {
    /// Reproductions of the family `quantizationAwareTraining`.
    static let quantizationAwareTraining: [any Reproduction] = [
        BitNetReloadedReproduction(), CNNWhitepaperReproduction(), DenseShiftReproduction(),
        DoubleRoundingReproduction(), OneBitAdaptersReproduction(),
    ]
}
