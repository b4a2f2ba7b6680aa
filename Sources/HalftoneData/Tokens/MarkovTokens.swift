import Foundation
import HalftoneTensor

/// Sequences of tokens from a random Markov chain, whose entropy is known.
///
/// Each state has the same number of successors, all equally probable or with random weights. No
/// model can have a lower loss per token, in the long run, than ``entropyRate``.
public struct MarkovTokens: Sendable {
    /// The number of states, which are the tokens.
    public let states: Int
    /// The successors of each state, all different.
    public let successors: [[Int32]]
    /// The probability of each successor.
    public let probabilities: [[Double]]
    /// The seed of the chain and of its sequences.
    public let seed: UInt64

    /// Draws a chain.
    ///
    /// - Parameters:
    ///   - states: At least 1.
    ///   - successors: For each state, at least 1 and at most the number of states.
    ///   - isEven: Whether the successors of a state are equally probable.
    ///   - seed: Equal seeds give equal chains.
    public init(states: Int, successors: Int, isEven: Bool = true, seed: UInt64) {
        precondition(
            states > 0 && (1...states).contains(successors),
            "\(successors) successors among \(states) states")
        var random = SeededGenerator(seed: seed, stream: 51, index: 0)
        self.states = states
        self.seed = seed
        var next: [[Int32]] = []
        var shares: [[Double]] = []
        for _ in 0..<states {
            next.append(
                random.distinct(successors, below: states).map { Int32(truncatingIfNeeded: $0) })
            let weights = (0..<successors).map { _ in isEven ? 1 : 0.05 + random.unit() }
            let sum = weights.reduce(0, +)
            shares.append(weights.map { $0 / sum })
        }
        self.successors = next
        probabilities = shares
    }

    /// A sequence from a state drawn at random.
    ///
    /// - Parameters:
    ///   - length: At least 0.
    ///   - index: Which of the sequences of the seed.
    public func sequence(length: Int, index: Int) -> [Int32] {
        var random = SeededGenerator(
            seed: seed, stream: 52, index: UInt64(bitPattern: Int64(index)))
        var tokens: [Int32] = []
        tokens.reserveCapacity(length)
        var state = random.below(states)
        for _ in 0..<length {
            tokens.append(Int32(truncatingIfNeeded: state))
            var draw = random.unit()
            var choice = 0
            while choice < successors[state].count - 1, draw >= probabilities[state][choice] {
                draw -= probabilities[state][choice]
                choice += 1
            }
            state = Int(successors[state][choice])
        }
        return tokens
    }

    /// The share of time that the chain spends in each state in the long run.
    ///
    /// By repeated steps of a chain that also stays where it is half of the time, which has the
    /// same shares and cannot run in a circle.
    public var stationary: [Double] {
        var shares = [Double](repeating: 1 / Double(states), count: states)
        for _ in 0..<2000 {
            var next = shares.map { $0 / 2 }
            for state in 0..<states {
                for (successor, probability) in zip(successors[state], probabilities[state]) {
                    next[Int(successor)] += shares[state] * probability / 2
                }
            }
            let change = zip(next, shares).reduce(0) { max($0, abs($1.0 - $1.1)) }
            shares = next
            if change < 1e-15 { break }
        }
        return shares
    }

    /// The mean entropy of the next token given the present one, in nats.
    public var entropyRate: Double {
        zip(stationary, probabilities).reduce(0) { sum, state in
            sum - state.0 * state.1.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
        }
    }
}
