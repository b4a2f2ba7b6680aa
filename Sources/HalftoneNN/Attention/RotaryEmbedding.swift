import HalftoneTensor

/// Turns pairs of numbers `(i, i + size/2)` of each head by `position · theta^(−2i/size)`.
///
/// The angles are computed in float64, rounded once, and kept from one call to the next.
///
/// Source: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
/// arXiv:2104.09864, eq. 34, with the halves of a head as the pairs (Llama, GPT-NeoX).
public final class RotaryEmbedding {
    /// The base of the frequencies.
    public let theta: Double
    /// Width of a head; even.
    public let headSize: Int

    private var angles: (places: Range<Int>, angles: RotaryAngles)?

    /// Describes the turns.
    public init(headSize: Int, theta: Double = 10_000) {
        precondition(headSize % 2 == 0, "a head of \(headSize) has no pairs")
        self.headSize = headSize
        self.theta = theta
    }

    /// Turns heads.
    ///
    /// - Parameters:
    ///   - x: `[batch, positions, heads, headSize]`.
    ///   - start: The position of the first.
    public func callAsFunction(_ x: Tensor, start: Int = 0) -> Tensor {
        let places = start..<start + x.shape[1]
        if let angles, angles.places == places { return x.rotated(by: angles.angles) }
        let found = RotaryAngles(places: places, width: headSize, base: theta)
        angles = (places, found)
        return x.rotated(by: found)
    }
}
