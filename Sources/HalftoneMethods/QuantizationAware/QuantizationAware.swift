extension MethodCatalogue {
    /// Methods that train a model while it is rounded.
    public static let quantizationAwareTraining: [MethodRecord] = [
        OneBitAdapters.record
    ]
}
