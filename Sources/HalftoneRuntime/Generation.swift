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
    /// New tokens that had been guessed.
    public let guessedTokens: Int
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
    /// With guesses, several tokens are checked at once. Each token is chosen from the logits that
    /// follow the tokens before it all the same: a guess that is not chosen is thrown away. So
    /// nothing changes but the time, down to the bits where products are integer.
    ///
    /// - Parameters:
    ///   - prompt: Tokens to read first; at least one.
    ///   - state: The sequence so far; afterwards it holds the prompt and all new tokens but the
    ///     last.
    ///   - sampler: Chooses tokens; knows the prompt afterwards.
    ///   - limit: The most tokens to generate.
    ///   - stopTokens: Tokens that end the generation and are not passed on.
    ///   - guesses: How to guess tokens ahead, or nil.
    ///   - receive: Called with each new token; returns whether to go on.
    /// - Throws: ``DecoderError`` for a prompt that cannot be read.
    public func generate(
        _ prompt: [Int32], state: DecoderState, sampler: inout Sampler, limit: Int,
        stopTokens: Set<Int32>, guesses: PromptLookup? = nil, receive: (Int32) -> Bool
    ) throws(DecoderError) -> GenerationReport {
        let start = ContinuousClock.now
        let size = spec.vocabularySize
        var guesses = guesses
        var logits = try logits(after: prompt, state: state)
        sampler.note(prompt)
        let middle = ContinuousClock.now
        var known = guesses == nil ? [] : prompt
        var produced = 0
        var guessed = 0
        func pass(_ token: Int32) -> StopReason? {
            if stopTokens.contains(token) { return .stopToken }
            produced += 1
            if guesses != nil { known.append(token) }
            guard receive(token) else { return .cancelled }
            return produced == limit ? .length : nil
        }
        // Arrays for all rounds: none is allocated after the first.
        var rows = [Float](repeating: 0, count: size * ((guesses?.count ?? 0) + 1))
        var read: [Int32] = []
        var token = sampler.next(&logits)
        var reason = pass(token)
        while reason == nil {
            read.removeAll(keepingCapacity: true)
            read.append(token)
            var room = limit - produced - 1
            if let positions = spec.learnedPositions {
                room = min(room, positions - state.position - 1)
            }
            if room < 0 {
                reason = .length
                break
            }
            if let guesses { read += guesses.guess(known).prefix(room) }
            try self.logits(after: read, state: state, last: read.count, into: &rows)
            let end = state.position - read.count
            // Row `row` is what follows `read[...row]`, all of which was chosen.
            var row = 0
            while true {
                if guesses == nil {
                    // There is one row, of the same length.
                    swap(&logits, &rows)
                } else {
                    for index in 0..<size { logits[index] = rows[row * size + index] }
                }
                token = sampler.next(&logits)
                reason = pass(token)
                guard row + 1 < read.count, read[row + 1] == token, reason == nil else { break }
                row += 1
            }
            guessed += row
            guesses?.note(guessed: read.count - 1, accepted: row)
            state.truncate(to: end + row + 1)
        }
        return GenerationReport(
            promptTokens: prompt.count, newTokens: produced, guessedTokens: guessed,
            promptSeconds: (middle - start).seconds,
            newSeconds: (ContinuousClock.now - middle).seconds, reason: reason ?? .length)
    }
}

extension Duration {
    /// The duration in seconds.
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
