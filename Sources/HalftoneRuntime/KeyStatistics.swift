import HalftoneFormats

/// What the keys of a block are like on a text, channel by channel, after rotary positions.
public struct KeyStatistics: Sendable, Equatable {
    /// Channels of a head.
    public let headDim: Int

    /// The mean magnitude of a channel over tokens, `[keyHeads][headDim]`.
    public let magnitudes: [Double]

    /// The least number of a channel, `[keyHeads][headDim]`.
    public let least: [Double]

    /// The largest number of a channel, `[keyHeads][headDim]`.
    public let most: [Double]

    /// Gathers what is known of channels.
    public init(headDim: Int, magnitudes: [Double], least: [Double], most: [Double]) {
        precondition(
            magnitudes.count.isMultiple(of: headDim) && least.count == magnitudes.count
                && most.count == magnitudes.count, "every channel of whole heads is known")
        self.headDim = headDim
        self.magnitudes = magnitudes
        self.least = least
        self.most = most
    }

    /// The distance from a channel's least to its largest number, `[keyHeads][headDim]`.
    public var ranges: [Double] { zip(most, least).map { $0 - $1 } }
}

extension Decoder {
    /// What keys are like on a text.
    ///
    /// - Parameter tokens: The text, read once with keys and values as floats.
    /// - Returns: Statistics of each block.
    /// - Throws: ``DecoderError`` before anything is computed.
    public func keyStatistics(of tokens: [Int32]) throws(DecoderError) -> [KeyStatistics] {
        let state = makeState(capacity: tokens.count, isFloat: true)
        try read(tokens, state: state) { _, _ in }
        return state.keyStatistics()
    }

    /// Puts the channels of keys into the order that the policy wants by what they are on a text;
    /// nothing for policies that want no such order.
    ///
    /// Sequences that are made afterwards have it.
    ///
    /// - Parameter tokens: The text, read once with keys and values as floats.
    /// - Throws: ``DecoderError`` before anything is computed.
    public mutating func orderKeys(by tokens: [Int32]) throws(DecoderError) {
        let order = cache.keyOrder
        guard order == .magnitudes || order == .ranges else { return }
        orderKeys(
            as: try keyStatistics(of: tokens).map {
                ChannelOrder.descending(
                    order == .ranges ? $0.ranges : $0.magnitudes, headDim: $0.headDim)
            })
    }
}

/// Orders of the channels of heads.
public enum ChannelOrder {
    /// The channels of each head, the largest first; equal ones keep their order.
    ///
    /// - Parameters:
    ///   - sizes: `[heads][headDim]`.
    ///   - headDim: Channels of a head.
    /// - Returns: `[heads][headDim]`, for each place the channel within the head that comes there.
    public static func descending(_ sizes: [Double], headDim: Int) -> [Int] {
        precondition(sizes.count.isMultiple(of: headDim), "heads are whole")
        return stride(from: 0, to: sizes.count, by: headDim).flatMap { first in
            (0..<headDim).sorted { (sizes[first + $1], $0) < (sizes[first + $0], $1) }
        }
    }
}
