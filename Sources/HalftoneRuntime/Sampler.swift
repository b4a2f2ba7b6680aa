import Foundation
import HalftoneModels
import HalftoneTensor

/// How the next token is chosen from logits.
public struct SamplingOptions: Sendable, Equatable {
    /// Divides logits; 0 takes the most likely token.
    public var temperature: Float = 0
    /// Keeps the most likely tokens, this many; 0 keeps all.
    public var topK = 0
    /// Keeps the most likely tokens whose probabilities first reach this sum; 1 keeps all.
    ///
    /// Source: A. Holtzman et al., arXiv:1904.09751.
    public var topP: Float = 1
    /// Drops tokens less likely than this share of the most likely one's probability.
    ///
    /// Source: N. Nguyen et al., arXiv:2407.01082.
    public var minP: Float = 0
    /// Divides positive and multiplies negative logits of tokens seen lately; 1 changes nothing.
    ///
    /// Source: N. Keskar et al., arXiv:1909.05858, section 4.1.
    public var repetitionPenalty: Float = 1
    /// How many of the latest tokens the penalty looks at.
    public var penaltyWindow = 64
    /// Subtracted from the logits of tokens that were chosen before, once each.
    ///
    /// Prompts do not count. This and ``frequencyPenalty`` are those of OpenAI's interface.
    public var presencePenalty: Float = 0
    /// Subtracted from the logits of tokens for each time that they were chosen before.
    public var frequencyPenalty: Float = 0
    /// Added to the logits of tokens.
    public var logitBias: [Int32: Float] = [:]
    /// Seeds the generator.
    public var seed: UInt64 = 0

    /// Greedy choice without a penalty.
    public init() {}

    /// Checks that every setting is in its range.
    public func validate() throws(SamplingError) {
        guard temperature >= 0, temperature.isFinite else {
            throw .outOfRange("temperature", "0 or more")
        }
        guard topK >= 0 else { throw .outOfRange("top-k", "0 or more") }
        guard topP > 0, topP <= 1 else { throw .outOfRange("top-p", "above 0 and at most 1") }
        guard minP >= 0, minP <= 1 else { throw .outOfRange("min-p", "from 0 to 1") }
        guard repetitionPenalty > 0, repetitionPenalty.isFinite else {
            throw .outOfRange("repetition penalty", "above 0")
        }
        guard presencePenalty.isFinite else {
            throw .outOfRange("presence penalty", "a finite number")
        }
        guard frequencyPenalty.isFinite else {
            throw .outOfRange("frequency penalty", "a finite number")
        }
    }
}

extension LanguageModel {
    /// What the files recommend, as options; greedy where they say nothing.
    public var recommendedSampling: SamplingOptions {
        var options = SamplingOptions()
        if let temperature = generation.temperature { options.temperature = Float(temperature) }
        if let topK = generation.topK { options.topK = topK }
        if let topP = generation.topP { options.topP = Float(topP) }
        if let penalty = generation.repetitionPenalty { options.repetitionPenalty = Float(penalty) }
        return options
    }
}

extension SamplingOptions {
    /// Whether choices depend on how often tokens were chosen.
    fileprivate var countsChoices: Bool { presencePenalty != 0 || frequencyPenalty != 0 }
}

/// A setting of a sampler is out of its range.
public enum SamplingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The setting and what it may be.
    case outOfRange(String, String)

    /// Names the setting and its range.
    public var description: String {
        switch self {
        case .outOfRange(let name, let range): "\(name) must be \(range)"
        }
    }
}

/// Chooses tokens; the same options, logits and order of calls give the same tokens.
public struct Sampler: Sendable {
    /// The settings.
    public let options: SamplingOptions
    private var generator: SeededGenerator
    private var recent: [Int32] = []
    /// How often tokens were chosen; counted only where a penalty asks for it.
    private var chosen: [Int32: Int] = [:]

    /// Starts a generator from the options' seed.
    public init(_ options: SamplingOptions) {
        self.options = options
        generator = SeededGenerator(seed: options.seed)
    }

    /// Notes tokens of the prompt for the repetition penalty.
    public mutating func note(_ tokens: [Int32]) {
        for token in tokens.suffix(options.penaltyWindow) { note(token) }
    }

    /// Chooses the next token and notes it.
    ///
    /// - Parameter logits: One per token of the vocabulary; changed by penalties and biases. Tokens
    ///   of −∞ are never drawn, unless all are.
    public mutating func next(_ logits: inout [Float]) -> Int32 {
        penalize(&logits)
        let token = options.temperature == 0 ? Self.mostLikely(logits) : draw(logits)
        note(token)
        if options.countsChoices { chosen[token, default: 0] += 1 }
        return token
    }

    /// Notes one token in the memory of those before it.
    private mutating func note(_ token: Int32) {
        recent.append(token)
        if recent.count > options.penaltyWindow { recent.removeFirst() }
    }

    /// The index of the largest logit, the first of equals.
    public static func mostLikely(_ logits: [Float]) -> Int32 {
        var best = 0
        for (index, value) in logits.enumerated() where value > logits[best] { best = index }
        return Int32(best)
    }

    private func penalize(_ logits: inout [Float]) {
        for (token, bias) in options.logitBias where logits.indices.contains(Int(token)) {
            logits[Int(token)] += bias
        }
        for (token, count) in chosen {
            logits[Int(token)] -=
                options.presencePenalty + options.frequencyPenalty * Float(count)
        }
        guard options.repetitionPenalty != 1 else { return }
        for token in Set(recent) {
            let value = logits[Int(token)]
            logits[Int(token)] =
                value > 0 ? value / options.repetitionPenalty : value * options.repetitionPenalty
        }
    }

    private mutating func draw(_ logits: [Float]) -> Int32 {
        let ranked = RankedTokens(logits, options)
        var (count, total) = (Int.max, ranked.total)
        if options.topK > 0 {
            count = options.topK
            total = ranked.prefix(count).reduce(0) { $0 + Double($1.weight) }
        }
        if options.topP < 1 {
            let wanted = Double(options.topP) * total
            (count, total) = (0, 0)
            for candidate in ranked {
                (count, total) = (count + 1, total + Double(candidate.weight))
                if total >= wanted { break }
            }
        }
        var left = Double(generator.next() >> 11) * 0x1p-53 * total
        var last: Int32?
        for candidate in ranked.prefix(count) {
            left -= Double(candidate.weight)
            last = candidate.token
            if left < 0 { break }
        }
        return last ?? Self.mostLikely(logits)
    }
}

/// Tokens with their weights, the likeliest first, ranked only as far as they are asked for: what is
/// drawn is nearly always among the first hundred of a vocabulary of many thousands.
private struct RankedTokens: Sequence, IteratorProtocol {
    /// The least weight that a token can have, relative to the likeliest one's.
    private static let least: Float = 1e-12

    /// Relative to the likeliest token's; 0 for tokens that are dropped.
    private let weights: [Float]
    /// Tokens of at least this weight were ranked.
    private var bound: Float = 2
    /// Those of them that are left, the likeliest last.
    private var ranked: [(token: Int32, weight: Float)] = []

    init(_ logits: [Float], _ options: SamplingOptions) {
        let top = logits.max() ?? 0
        let least = Swift.max(options.minP, Self.least)
        weights = logits.map { logit in
            let weight = exp((logit - top) / options.temperature)
            return weight >= least ? weight : 0
        }
    }

    /// The sum of all weights.
    var total: Double { weights.reduce(0) { $0 + Double($1) } }

    mutating func next() -> (token: Int32, weight: Float)? {
        while ranked.isEmpty, bound > Self.least {
            let above = bound
            bound /= 64
            for (token, weight) in weights.enumerated() where weight >= bound && weight < above {
                ranked.append((Int32(token), weight))
            }
            ranked.sort { ($0.weight, $1.token) < ($1.weight, $0.token) }
        }
        return ranked.popLast()
    }
}
