extension MethodCatalogue {
    /// Methods that quantize a trained model without training it again.
    public static let postTraining: [MethodRecord] = [
        BitStack.record, LQLoRA.record,
    ]
}
