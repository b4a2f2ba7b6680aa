import HalftoneTensor

/// The mean of several models: what every way of merging is compared with.
public struct PlainAveraging: ModelMerging {
    /// Creates the baseline; it has no settings.
    public init() {}

    /// The mean of the differences, `[count]`.
    public func merge(_ differences: [Tensor]) -> Tensor {
        differences.dropFirst().reduce(differences[0], +) / Float(differences.count)
    }
}

/// The sum of all differences from the base, scaled: task arithmetic.
///
/// Source: G. Ilharco et al., "Editing Models with Task Arithmetic", arXiv:2212.04089, section 2.
public struct TaskArithmetic: ModelMerging {
    /// The factor of the sum; 0.4 where it cannot be tuned.
    public var scale: Float

    /// Creates the baseline.
    public init(scale: Float = 0.4) { self.scale = scale }

    /// The scaled sum of the differences, `[count]`.
    public func merge(_ differences: [Tensor]) -> Tensor {
        differences.dropFirst().reduce(differences[0], +) * scale
    }
}
