import HalftoneFormats
import HalftoneModels
import HalftoneQuantization

/// What to do to each matrix of a model.
public struct CompressionRecipe: Sendable, Equatable {
    /// For the linear layers of the blocks.
    public var body: WeightScheme
    /// For the embedding and, when it has weights of its own, the head; nil leaves them float.
    public var embedding: WeightScheme?
    /// For matrices that are stored in a way of their own, as an allocation has them.
    public var overrides: [Role: WeightPacking] = [:]

    /// States a recipe.
    public init(body: WeightScheme, embedding: WeightScheme?) {
        self.body = body
        self.embedding = embedding
    }

    /// The usual recipe for a number of bits.
    ///
    /// Affine codes in groups of 32 or more with the scale of least error; the embedding, which
    /// is looked up by every token and multiplies every output, gets at least 4 bits.
    ///
    /// - Parameters:
    ///   - bits: 1 to 8.
    ///   - group: Which weights share a scale.
    public init(bits: Int, group: Granularity = .group(64)) {
        func scheme(_ bits: Int) -> WeightScheme {
            WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: bits > 4), granularity: group,
                scaleFormat: .float16, search: .leastError)
        }
        self.init(body: scheme(bits), embedding: scheme(max(bits, 4)))
    }
}
