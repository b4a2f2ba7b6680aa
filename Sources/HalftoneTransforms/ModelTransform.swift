import HalftoneModels

/// A rewriting of a model's parameters that keeps its function.
///
/// What it changes is how large numbers are where they will be rounded. Results agree with those of
/// the original up to the rounding of floats; `HalftoneTransformsTests` holds every transform to
/// that on every architecture that it supports.
public protocol ModelTransform: Sendable {
    /// Rewrites a model.
    ///
    /// - Parameter weights: Float or packed; what is changed becomes float.
    /// - Throws: ``TransformError`` before anything is computed, for a model whose architecture
    ///   has no place for what the transform moves.
    func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights
}

extension DecoderWeights {
    /// The model after several transforms, the first one first.
    public func transformed(
        by transforms: [any ModelTransform]
    ) throws(TransformError) -> DecoderWeights {
        var weights = self
        for transform in transforms { weights = try transform.applied(to: weights) }
        return weights
    }
}

/// Why a model cannot be rewritten.
public enum TransformError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The architecture has no place for what the transform moves.
    case unsupported(transform: String, reason: String)
    /// Factors, offsets or an order that do not belong to the model.
    case badValues(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unsupported(let transform, let reason):
            "\(transform) does not apply to this model: \(reason)"
        case .badValues(let reason): reason
        }
    }
}
