extension MethodCatalogue {
    /// Methods that train a model while it is rounded.
    public static let quantizationAwareTraining: [MethodRecord] = [
        BitNetReloaded.record, CNNWhitepaper.record, DenseShift.record, DoubleRounding.record,
        OneBitAdapters.record,
    ]
}
