extension MethodCatalogue {
    /// Methods that quantize a trained model without training it again.
    public static let postTraining: [MethodRecord] = [
        AdaQuant.record,
        BitStack.record,
        DBLLM.record,
        LLMFP4.record,
        LLMInt8.record,
        LQLoRA.record,
        OutlierSuppressionPlus.record,
        PTQ161.record,
        ZeroQuantFP6.record,
    ]
}
