import Foundation
import HalftoneRuntime

/// A sequence that is being read or written; of the loop's thread.
final class RunningSequence {
    let ticket: Ticket
    /// What was read; nothing before ``begin(with:)``.
    private(set) var state: DecoderState
    /// Tokens of the prompt that were known from an earlier sequence, nil before it is begun.
    private(set) var cached: Int?
    /// What was read and chosen: the prompt, and all new tokens.
    private(set) var tokens: [Int32]
    /// The logits after the last token that was read; changed by whoever chooses from them.
    var logits: [Float]
    /// Why it is over.
    private(set) var ending: Result<StopReason, ServingError>?

    private var sampler: Sampler
    private var constraint: ConstraintState?
    private var produced = 0

    /// A sequence that is still to be begun.
    init(_ ticket: Ticket, empty state: DecoderState, vocabularySize: Int) {
        self.ticket = ticket
        self.state = state
        tokens = ticket.request.prompt
        logits = [Float](repeating: 0, count: vocabularySize)
        sampler = Sampler(ticket.request.sampling)
        sampler.note(ticket.request.prompt)
        constraint = ticket.request.constraint.map { ConstraintState($0) }
    }

    /// Takes the state that the sequence is read into, which may know its first tokens.
    func begin(with state: DecoderState) {
        self.state = state
        cached = state.position
    }

    /// Tokens of the prompt that are still to be read.
    var unread: ArraySlice<Int32> { tokens[state.position..<max(promptCount, state.position)] }

    /// Whether the prompt is read to its end, so that a token was or can be chosen.
    var isRead: Bool { state.position >= promptCount }

    /// The token that was chosen last.
    var lastToken: Int32 { tokens[tokens.count - 1] }

    /// Takes the logits after the last token.
    func take(_ row: ArraySlice<Float>) {
        logits.replaceSubrange(logits.indices, with: row)
    }

    /// The most tokens of keys and values that it will have.
    var largest: Int { promptCount + ticket.request.limit }

    private var promptCount: Int { ticket.request.prompt.count }

    /// Takes memory for more tokens, in steps: few answers are as long as they may be.
    func reserve(_ count: Int) {
        guard count > state.capacity else { return }
        state.reserve(min(max(largest, count), max(count, state.capacity + 256)))
    }

    /// Chooses a token from the logits and tells it.
    func choose() {
        let request = ticket.request
        let before = request.alternatives == nil ? [] : logits
        if constraint?.restrict(&logits, stopTokens: request.stopTokens) == false {
            return end(.failure(.noToken))
        }
        let token = sampler.next(&logits)
        if request.stopTokens.contains(token) { return end(.success(.stopToken)) }
        constraint?.advance(token)
        tokens.append(token)
        produced += 1
        var probability: TokenProbability?
        var alternatives: [TokenProbability] = []
        if let count = request.alternatives {
            let summary = LogProbabilities(before)
            probability = summary[token]
            alternatives = summary.largest(count)
        }
        ticket.source.yield(
            .token(token, probability: probability, alternatives: alternatives))
        if produced == request.limit { end(.success(.length)) }
    }

    /// Notes why it is over.
    func end(_ reason: Result<StopReason, ServingError>) { ending = reason }

    /// Tells that it is over.
    func tell() {
        switch ending {
        case .success(let reason):
            ticket.source.yield(.finished(reason))
            ticket.source.finish()
        case .failure(let error): ticket.source.finish(throwing: error)
        case nil: break
        }
    }
}

/// The log-probabilities that logits mean.
struct LogProbabilities {
    private let logits: [Float]
    private let normalizer: Float

    init(_ logits: [Float]) {
        self.logits = logits
        let top = logits.max() ?? 0
        var sum = 0.0
        for logit in logits { sum += Double(exp(logit - top)) }
        normalizer = top + Float(log(sum))
    }

    subscript(token: Int32) -> TokenProbability {
        TokenProbability(token: token, logProbability: logits[Int(token)] - normalizer)
    }

    /// The most likely tokens, the lower id first among equals.
    func largest(_ count: Int) -> [TokenProbability] {
        var best: [(token: Int32, logit: Float)] = []
        for (token, logit) in logits.enumerated() {
            if best.count == count, let last = best.last, logit <= last.logit { continue }
            let place = best.firstIndex { $0.logit < logit } ?? best.count
            best.insert((Int32(token), logit), at: place)
            if best.count > count { best.removeLast() }
        }
        return best.map { self[$0.token] }
    }
}
