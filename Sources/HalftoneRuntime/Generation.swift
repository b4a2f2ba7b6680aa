import Foundation
import HalftoneModels

/// Why a generation ended.
public enum StopReason: String, Sendable, Equatable, Codable {
    /// The model gave a stop token.
    case stopToken
    /// As many tokens as were asked for.
    case length
    /// The receiver asked to stop.
    case cancelled
}

/// What a generation took.
public struct GenerationReport: Sendable, Equatable, Codable {
    /// Tokens of the prompt that were read.
    public let promptTokens: Int
    /// Tokens that were generated, a stop token not counted.
    public let newTokens: Int
    /// Seconds for the prompt.
    public let promptSeconds: Double
    /// Seconds for the new tokens.
    public let newSeconds: Double
    /// Why it ended.
    public let reason: StopReason

    /// New tokens per second.
    public var tokensPerSecond: Double { newSeconds > 0 ? Double(newTokens) / newSeconds : 0 }
}

extension Decoder {
    /// Continues a sequence token by token.
    ///
    /// - Parameters:
    ///   - prompt: Tokens to read first; at least one.
    ///   - state: The sequence so far; afterwards it holds the prompt and all new tokens but the
    ///     last.
    ///   - sampler: Chooses tokens; knows the prompt afterwards.
    ///   - limit: The most tokens to generate.
    ///   - stopTokens: Tokens that end the generation and are not passed on.
    ///   - receive: Called with each new token; returns whether to go on.
    /// - Throws: ``DecoderError`` for a prompt that cannot be read.
    public func generate(
        _ prompt: [Int32], state: DecoderState, sampler: inout Sampler, limit: Int,
        stopTokens: Set<Int32>, receive: (Int32) -> Bool
    ) throws(DecoderError) -> GenerationReport {
        let start = ContinuousClock.now
        var logits = try logits(after: prompt, state: state)
        sampler.note(prompt)
        let middle = ContinuousClock.now
        // One array for all tokens: none is allocated after the first.
        var next: [Int32] = [0]
        var produced = 0
        var reason = StopReason.length
        while produced < limit {
            let token = sampler.next(&logits)
            if stopTokens.contains(token) {
                reason = .stopToken
                break
            }
            produced += 1
            guard receive(token) else {
                reason = .cancelled
                break
            }
            if produced == limit { break }
            if let positions = spec.learnedPositions, state.position >= positions { break }
            next[0] = token
            try self.logits(after: next, state: state, into: &logits)
        }
        return GenerationReport(
            promptTokens: prompt.count, newTokens: produced,
            promptSeconds: (middle - start).seconds,
            newSeconds: (ContinuousClock.now - middle).seconds, reason: reason)
    }
}

extension Duration {
    /// The duration in seconds.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
