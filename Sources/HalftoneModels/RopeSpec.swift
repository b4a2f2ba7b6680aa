import Foundation
import HalftoneTensor

/// Rotary positions: pairs of dimensions turned by an angle that grows with the position.
///
/// Pairs are dimension `i` and `i + dimensions / 2` of the first `dimensions` of a head (the
/// half-split form); readers of files with adjacent pairs reorder rows while loading.
/// Source: J. Su et al., "RoFormer", arXiv:2104.09864, equation 15.
public struct RopeSpec: Sendable, Hashable {
    /// Dimensions of a head that turn; even, at most the head's width.
    public var dimensions: Int
    /// The base of the geometric series of frequencies.
    public var theta: Double
    /// How frequencies are stretched for longer contexts.
    public var scaling: Scaling = .none

    /// How frequencies are stretched for longer contexts.
    public enum Scaling: Sendable, Hashable, Codable {
        case none
        /// Positions are divided by a factor.
        case linear(factor: Double)
        /// Low frequencies are divided by a factor, high ones kept, a ramp between (Llama 3.1).
        case llama3(
            factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
            originalContext: Double)
        /// B. Peng et al., "YaRN", arXiv:2309.00071, section 3.4.
        case yarn(
            factor: Double, originalContext: Double, betaFast: Double, betaSlow: Double,
            attentionFactor: Double)
        /// A divisor for each frequency, and a factor on the rotated values: files of Phi 3
        /// (one list up to the original context, one beyond) and GGUF's `rope_freqs`.
        case divisors(short: [Float], long: [Float], originalContext: Int, attentionFactor: Double)
    }

    /// Describes unscaled rotary positions.
    public init(dimensions: Int, theta: Double, scaling: Scaling = .none) {
        self.dimensions = dimensions
        self.theta = theta
        self.scaling = scaling
    }

    /// The angle per position of each pair, `dimensions / 2` of them.
    ///
    /// - Parameter length: The length of the sequence, which chooses between two lists of
    ///   divisors where there are two.
    public func frequencies(length: Int) -> [Float] {
        let plain = (0..<dimensions / 2).map { pair in
            1 / Float(pow(theta, Double(2 * pair) / Double(dimensions)))
        }
        switch scaling {
        case .none: return plain
        case .linear(let factor): return plain.map { $0 / Float(factor) }
        case .llama3(let factor, let low, let high, let original):
            return plain.map { frequency in
                let turns = original * Double(frequency) / (2 * .pi)
                if turns > high { return frequency }
                if turns < low { return frequency / Float(factor) }
                let smooth = Float((turns - low) / (high - low))
                return (1 - smooth) * frequency / Float(factor) + smooth * frequency
            }
        case .yarn(let factor, let original, let betaFast, let betaSlow, _):
            return yarn(
                plain, factor: factor, original: original, betaFast: betaFast, betaSlow: betaSlow)
        case .divisors(let short, let long, let originalContext, _):
            let divisors = length > originalContext ? long : short
            return zip(plain, divisors).map { $0 / $1 }
        }
    }

    /// The factor on cosines and sines.
    public var attentionFactor: Float {
        switch scaling {
        case .yarn(_, _, _, _, let factor): Float(factor)
        case .divisors(_, _, _, let factor): Float(factor)
        default: 1
        }
    }

    /// What the places of a sequence turn by.
    ///
    /// - Parameter places: Of tokens up to the last of the sequence, whose length frequencies may
    ///   depend on.
    public func angles(of places: Range<Int>) -> RotaryAngles {
        RotaryAngles(
            places: places, frequencies: frequencies(length: places.upperBound),
            factor: attentionFactor)
    }

    /// Interpolated and plain frequencies, mixed by a ramp over the pairs.
    private func yarn(
        _ plain: [Float], factor: Double, original: Double, betaFast: Double, betaSlow: Double
    ) -> [Float] {
        func pair(turns: Double) -> Double {
            Double(dimensions) * log(original / (turns * 2 * .pi)) / (2 * log(theta))
        }
        let low = max(pair(turns: betaFast).rounded(.down), 0)
        var high = min(pair(turns: betaSlow).rounded(.up), Double(dimensions - 1))
        if low == high { high += 0.001 }
        return plain.enumerated().map { index, frequency in
            let ramp = Float(min(max((Double(index) - low) / (high - low), 0), 1))
            return frequency / Float(factor) * ramp + frequency * (1 - ramp)
        }
    }
}
