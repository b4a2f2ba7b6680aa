extension MethodCatalogue {
    /// Methods that compare other methods.
    public static let studies: [MethodRecord] = [
        PTQImpact.record,
        PTQBenchmark.record,
    ]
}
