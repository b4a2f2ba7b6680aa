extension ReproductionCatalogue {
    /// Reproductions of the family `postTraining`.
    static let postTraining: [any Reproduction] = [
        AdaQuantReproduction(),
        DBLLMReproduction(),
        LLMInt8Reproduction(),
        OutlierSuppressionPlusReproduction(),
        PTQ161Reproduction(),
        ZeroQuantFP6Reproduction(),
    ]
}
