extension ReproductionCatalogue {
    /// Reproductions of the family `postTraining`.
    static let postTraining: [any Reproduction] = [
        AdaQuantReproduction(),
        BitStackReproduction(),
        DBLLMReproduction(),
        LLMFP4Reproduction(),
        LLMInt8Reproduction(),
        LQLoRAReproduction(),
        OutlierSuppressionPlusReproduction(),
        PTQ161Reproduction(),
        ZeroQuantFP6Reproduction(),
    ]
}
