extension ReproductionCatalogue {
    /// Reproductions of the family `postTraining`.
    static let postTraining: [any Reproduction] = [
        DBLLMReproduction(),
        LLMInt8Reproduction(),
        OutlierSuppressionPlusReproduction(),
        PTQ161Reproduction(),
        ZeroQuantFP6Reproduction(),
    ]
}
