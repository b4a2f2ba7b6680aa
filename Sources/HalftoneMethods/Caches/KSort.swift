import HalftoneFormats
import HalftoneKernels
import HalftoneRuntime

/// Keys in block floating point, with the channels of each head sorted by size so that large ones
/// do not erase small neighbours.
///
/// Source: N. Trukhanov and I. Soloveychik, "Accurate Block Quantization in LLMs with Outliers",
/// arXiv:2403.20137. Departs from it in three places. The order is not written into the weights:
/// keys are put into it when they are stored, and queries before they meet them, both after rotary
/// positions, so that nothing but copies that are made anyway depends on it, and no table of
/// frequencies has to follow. The gain of the normalization before the projection is part of the
/// size of a channel, and two channels that a rotary position turns into each other have the larger
/// of their sizes (`DecoderWeights.keyNorms(ofBlock:)`). Values are float16: the paper is about
/// keys.
public struct KSort: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "block-quant-outliers", title: "K-sort",
        paper: Paper(
            title: "Accurate Block Quantization in LLMs with Outliers", arXiv: "2403.20137",
            year: 2024),
        family: .caches, stage: .runtime, needs: [.pretrainedModel],
        claims: [
            MethodClaim(
                id: "order-is-free",
                "Sorting the channels of keys and queries alike changes no attention score."),
            MethodClaim(
                id: "whole-head-gains-nothing",
                "Where a block is the whole head, the order makes no difference.",
                published: PublishedFigure(
                    "no gain at n = 128, the width of a head (Llama-2-7B, WikiText-2)",
                    source: "a summary of the paper")),
            MethodClaim(
                id: "small-channels-survive",
                "Sorted, channels that are small beside their neighbours keep their values."),
            MethodClaim(
                id: "sorting-helps-outliers",
                "Where channels of keys differ much in size, blocks of sorted channels lose less."),
            MethodClaim(
                id: "sorting-helps-models",
                "Blocks smaller than a head lose less of a trained model when channels are sorted.",
                published: PublishedFigure(
                    "a gain at n = 64 and n = 32 (Llama-2-7B, WikiText-2)",
                    source: "a summary of the paper")),
            MethodClaim(
                id: "weights-tell-sizes",
                "The norms of the rows of the key projection tell which channels are large."),
            MethodClaim(
                id: "halves-memory",
                "Mantissas of four bits halve the memory of keys without significant loss.",
                published: PublishedFigure(
                    "2x less memory without significant loss of accuracy, and none of speed",
                    source: "the abstract")),
        ])

    /// Bits of a mantissa, its sign included, 2 to 8.
    public var bits: Int

    /// Channels that share an exponent; multiples of `CacheFormat.groupUnit`.
    public var blockSize: Int

    /// What says how large a channel is.
    public var importance: Importance

    /// Ways to tell how large a channel is.
    public enum Importance: Sendable, Hashable {
        /// The norm of its row of the key projection: the paper's choice, without data.
        case weights
        /// Its mean magnitude on a text.
        case magnitudes
    }

    /// Creates the method with the paper's settings.
    public init(bits: Int = 4, blockSize: Int = 32, importance: Importance = .weights) {
        precondition((2...8).contains(bits), "mantissas have 2 to 8 bits, not \(bits)")
        precondition(
            blockSize > 0 && blockSize <= 1024 && blockSize.isMultiple(of: CacheFormat.groupUnit),
            "blocks have multiples of \(CacheFormat.groupUnit) channels, not \(blockSize)")
        self.bits = bits
        self.blockSize = blockSize
        self.importance = importance
    }

    /// How keys are stored.
    public var keys: CacheFormat { CacheFormat(.blockFloat(bits: bits), groupSize: blockSize) }

    /// The policy of a decoder.
    ///
    /// With ``Importance/magnitudes`` the decoder has to be shown a text,
    /// `Decoder.orderKeys(by:)`.
    ///
    /// - Parameter isSorted: Whether channels are sorted; otherwise they stay as the model has
    ///   them.
    public func policy(isSorted: Bool = true) -> KeyValuePolicy {
        KeyValuePolicy(
            keys: keys, values: .float16,
            keyOrder: !isSorted ? .model : importance == .weights ? .weights : .magnitudes)
    }

    /// What a key of one head is read as after it was stored.
    ///
    /// - Parameters:
    ///   - key: Its channels in the model's order.
    ///   - order: Which channel is stored where; nil for the model's order.
    /// - Returns: As many numbers, in the model's order.
    public func rounded(_ key: [Float], order: [Int]? = nil) -> [Float] {
        let order = order ?? Array(key.indices)
        precondition(order.count == key.count, "each channel has a place")
        let coder = CacheCoder(keys)
        var result = key
        for start in stride(from: 0, to: key.count, by: blockSize) {
            let block = order[start..<min(start + blockSize, key.count)]
            for (channel, value) in zip(block, coder.rounded(block.map { key[$0] })) {
                result[channel] = value
            }
        }
        return result
    }

    /// What rounding loses of keys of one head, as a share of each channel's squares.
    ///
    /// The mean over channels weighs small channels like large ones, as scores do where queries
    /// are large in channels in which keys are small.
    ///
    /// - Parameters:
    ///   - keys: The channels of each token.
    ///   - order: Which channel is stored where; nil for the model's order.
    /// - Returns: For each channel the sum of squared errors over that of squares.
    public func relativeErrors(of keys: [[Float]], order: [Int]? = nil) -> [Double] {
        guard let width = keys.first?.count else { return [] }
        var errors = [Double](repeating: 0, count: width)
        var squares = errors
        for key in keys {
            for (channel, value) in rounded(key, order: order).enumerated() {
                let original = Double(key[channel])
                let error = Double(value) - original
                errors[channel] += error * error
                squares[channel] += original * original
            }
        }
        return zip(errors, squares).map { $1 > 0 ? $0 / $1 : 0 }
    }
}
