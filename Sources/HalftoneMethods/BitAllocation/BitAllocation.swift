extension MethodCatalogue {
    /// Methods that choose how many bits each part of a model gets.
    public static let bitAllocation: [MethodRecord] = [
        BAQ.record,
        LayerwiseQuant.record,
    ]
}
