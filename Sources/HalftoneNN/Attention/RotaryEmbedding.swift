import HalftoneTensor

/// Turns pairs of numbers `(i, i + size/2)` of each head by angles that grow with the position.
///
/// The angles are kept from one call to the next.
///
/// Source: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
/// arXiv:2104.09864, eq. 34, with the halves of a head as the pairs (Llama, GPT-NeoX).
public final class RotaryEmbedding {
    private let angles: (Range<Int>) -> RotaryAngles
    private var found: (places: Range<Int>, angles: RotaryAngles)?

    /// Describes the turns.
    ///
    /// - Parameter angles: Of the places of some tokens, the last of which ends the sequence.
    public init(angles: @escaping (Range<Int>) -> RotaryAngles) {
        self.angles = angles
    }

    /// Turns heads.
    ///
    /// - Parameters:
    ///   - x: `[batch, positions, heads, headSize]`.
    ///   - start: The position of the first.
    public func callAsFunction(_ x: Tensor, start: Int = 0) -> Tensor {
        let places = start..<start + x.shape[1]
        if let found, found.places == places { return x.rotated(by: found.angles) }
        let angles = angles(places)
        found = (places, angles)
        return x.rotated(by: angles)
    }
}
