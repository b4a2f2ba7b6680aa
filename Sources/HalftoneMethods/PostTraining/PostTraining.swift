extension MethodCatalogue {
    /// Methods that quantize a trained model without training it again.
    public static let postTraining: [MethodRecord] = [
        LLMFP4.record, LLMInt8.record,
    ]
}
