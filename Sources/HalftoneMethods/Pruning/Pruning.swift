extension MethodCatalogue {
    /// Methods that leave parts of a model out.
    public static let pruning: [MethodRecord] = [
        IterativeFeatureMerging.record
    ]
}
