import Foundation
import HalftoneModels

/// Cosines and sines of rotary positions, for as many positions as a sequence has reached.
struct RotationTable: Sendable {
    let spec: RopeSpec
    private var cosines: [Float] = []
    private var sines: [Float] = []
    private var frequencies: [Float] = []
    private var positions = 0

    init(_ spec: RopeSpec) { self.spec = spec }

    /// Makes the table cover positions up to `length − 1`.
    mutating func cover(_ length: Int) {
        guard length > positions else { return }
        let wanted = spec.frequencies(length: length)
        if wanted != frequencies {
            frequencies = wanted
            cosines = []
            sines = []
            positions = 0
        }
        let factor = spec.attentionFactor
        for position in positions..<length {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosines.append(Float(cos(angle)) * factor)
                sines.append(Float(sin(angle)) * factor)
            }
        }
        positions = length
    }

    /// Turns the heads of consecutive tokens in place.
    ///
    /// - Parameters:
    ///   - x: Token `t`, head `h` begins at `offset + t · stride + h · headDim`.
    ///   - offset: Where the first head of the first token begins.
    ///   - stride: Floats from one token to the next.
    ///   - tokens: The number of tokens.
    ///   - heads: Heads of a token.
    ///   - headDim: Width of a head; dimensions beyond the spec's stay.
    ///   - position: The position of the first token; all must be covered.
    func rotate(
        _ x: inout [Float], offset: Int, stride: Int, tokens: Int, heads: Int, headDim: Int,
        position: Int
    ) {
        let half = spec.dimensions / 2
        for token in 0..<tokens {
            let row = (position + token) * half
            for head in 0..<heads {
                let start = offset + token * stride + head * headDim
                for pair in 0..<half {
                    let first = x[start + pair]
                    let second = x[start + half + pair]
                    let cosine = cosines[row + pair]
                    let sine = sines[row + pair]
                    x[start + pair] = first * cosine - second * sine
                    x[start + half + pair] = second * cosine + first * sine
                }
            }
        }
    }
}
