extension MethodCatalogue {
    /// Methods that make one model of several.
    public static let merging: [MethodRecord] = [
        TIESMerging.record
    ]
}
