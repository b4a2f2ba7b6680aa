extension MethodCatalogue {
    /// Methods that store keys and values of attention in fewer bits.
    public static let caches: [MethodRecord] = [
        KSort.record,
        VidKV.record,
    ]
}
