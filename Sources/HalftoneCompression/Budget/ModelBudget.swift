import Foundation

/// What a compressed model may take, and how near to the float model it has to be: any of these
/// limits, or several at once.
///
/// Without a limit of nearness the best model within the others is looked for; with one, the
/// smallest.
public struct ModelBudget: Sendable, Hashable {
    /// Memory of a program that runs the model.
    public struct Memory: Sendable, Hashable {
        /// Bytes of resident memory at most.
        public var bytes: Int
        /// Tokens of a sequence, with keys and values in float32.
        public var context: Int
        /// Bytes of these that the program has before it opens a model.
        public var programBytes: Int

        /// States a limit.
        public init(bytes: Int, context: Int, programBytes: Int = 0) {
            self.bytes = bytes
            self.context = context
            self.programBytes = programBytes
        }
    }

    /// Bits for each weight of the packed matrices, everything that they need counted.
    public var bitsPerWeight: Double?
    /// Bytes of the weight file, everything in it counted.
    public var fileBytes: Int?
    /// Resident memory behind a context.
    public var memory: Memory?
    /// Tokens that one sequence gets a second at least, on this machine and the job's threads.
    public var tokensPerSecond: Double?
    /// The divergence from the float model on held-out text at most, in nats per token.
    public var divergence: Double?
    /// By how much, as a share, perplexity on held-out text may be above the float model's.
    public var perplexityRise: Double?

    /// Allows everything.
    public init() {}

    /// Bits for each weight of the packed matrices.
    public static func bitsPerWeight(_ bits: Double) -> ModelBudget {
        var budget = ModelBudget()
        budget.bitsPerWeight = bits
        return budget
    }

    /// Bytes of the weight file.
    public static func fileBytes(_ bytes: Int) -> ModelBudget {
        var budget = ModelBudget()
        budget.fileBytes = bytes
        return budget
    }

    /// The divergence from the float model, in nats per token.
    public static func divergence(_ nats: Double) -> ModelBudget {
        var budget = ModelBudget()
        budget.divergence = nats
        return budget
    }

    /// Whether anything is limited.
    public var isEmpty: Bool { self == ModelBudget() }

    /// Whether it is the bytes of the file that are limited, as such or for each weight, and nothing else.
    var limitsBytesAlone: Bool {
        !isEmpty && memory == nil && tokensPerSecond == nil && !limitsLoss
    }

    /// Whether the smallest model that is near enough is looked for.
    public var limitsLoss: Bool { divergence != nil || perplexityRise != nil }

    /// How far a measurement is from what is allowed: 1 at the limit, less for a nearer model.
    ///
    /// - Parameters:
    ///   - divergence: From the float model, nats per token.
    ///   - perplexity: On the same text.
    ///   - floatPerplexity: The float model's.
    func loss(divergence: Double, perplexity: Double, floatPerplexity: Double) -> Double {
        let rise = log(perplexity / floatPerplexity)
        let shares = [
            self.divergence.map { divergence / $0 }, perplexityRise.map { rise / log(1 + $0) },
        ].compactMap(\.self)
        // Text that a model foretells better than the float model counts as next to no loss.
        return max(shares.max() ?? 0, 1e-6)
    }

    /// About the divergence at which the limit of loss is met.
    ///
    /// The logarithm of perplexity rises about as the divergence does.
    var likelyDivergence: Double {
        [divergence, perplexityRise.map { log(1 + $0) }].compactMap(\.self).min() ?? .infinity
    }
}

extension ModelBudget: CustomStringConvertible {
    /// `2.75 bits per weight`, `60000000 bytes and at least 120.0 tokens per second`.
    public var description: String {
        let limits = [
            bitsPerWeight.map { "\($0) bits per weight" },
            fileBytes.map { "\($0) bytes" },
            memory.map { "\($0.bytes) bytes of memory at \($0.context) tokens" },
            tokensPerSecond.map { "at least \($0) tokens per second" },
            divergence.map { "a divergence of \($0) nats per token" },
            perplexityRise.map { "a perplexity \(100 * $0) % above the float model's" },
        ].compactMap(\.self)
        return limits.isEmpty ? "no limit" : limits.joined(separator: " and ")
    }
}
