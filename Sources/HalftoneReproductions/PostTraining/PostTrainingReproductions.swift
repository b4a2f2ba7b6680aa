extension ReproductionCatalogue {
    /// Reproductions of the family `postTraining`.
    static let postTraining: [any Reproduction] = [
        LLMFP4Reproduction(), LLMInt8Reproduction(),
    ]
}
