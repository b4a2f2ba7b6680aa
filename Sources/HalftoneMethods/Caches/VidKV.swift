import HalftoneFormats
import HalftoneRuntime

/// Keys of 1.5 bits and values of 1.58 bits, in groups of tokens of one channel: two bits for the
/// channels of keys that range widely, one bit for Fourier coefficients of the others, and three
/// levels for values.
///
/// Source: K. Tao et al., "Plug-and-Play 1.x-Bit KV Cache Quantization for Video Large Language
/// Models", arXiv:2503.16257; where the text is silent, its code, KD-TAO/VidKV. Departs from it in
/// these places:
///
/// - Of the complex coefficients only the half that is independent is stored, as many numbers as
///   channels; the published code stores both parts of all of them, two bits for a channel.
/// - Wide channels come in steps of sixteen, and their order is kept from a text that the decoder
///   is shown, so that it does not depend on the prompt.
/// - A group is rounded once, when it is whole, rather than all groups again whenever the latest
///   tokens are stored, and the latest tokens stay floats as ``window`` says.
/// - Tokens that match the query are not kept in two bits: a page has one format for all tokens.
public struct VidKV: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "vidkv", title: "VidKV",
        paper: Paper(
            title: "Plug-and-Play 1.x-Bit KV Cache Quantization for Video Large Language Models",
            arXiv: "2503.16257", year: 2025),
        family: .caches, stage: .runtime, needs: [.calibrationData, .pretrainedModel],
        claims: [
            MethodClaim(
                id: "ranges-find-channels",
                "Two bits serve best in the channels of keys that range most widely.",
                published: PublishedFigure(
                    "VideoDC 2.95 by range, 2.71 by variance, 2.51 by outliers (LLaVA-OV-7B)",
                    source: "Table 1, quoted by a summary of the paper")),
            MethodClaim(
                id: "fourier-helps",
                "One bit loses less of Fourier coefficients than of channels."),
            MethodClaim(
                id: "keys-by-channel",
                "Keys of two bits want groups of tokens of a channel, not of channels of a token."),
            MethodClaim(
                id: "values-by-channel",
                "Where tokens repeat each other, values of 1.58 bits want groups along tokens too.",
                published: PublishedFigure(
                    "VideoDC 2.79 and 2.21, MovieChat 47.08 and 13.76 for the better and the worse "
                        + "axis (LLaVA-OV-7B); the abstract names channels the better",
                    source: "Table 1, quoted by a summary of the paper")),
            MethodClaim(
                id: "nearly-lossless",
                "Keys of 1.5 bits with values of 1.58 bits lose almost nothing of redundant tokens.",
                published: PublishedFigure(
                    "almost no drop on six benchmarks (LLaVA-OV-7B, Qwen2.5-VL-7B)",
                    source: "the abstract")),
        ])

    /// The share of channels of keys that get two bits, from 0 to 1; with `1 + wideShare` bits on
    /// average.
    public var wideShare: Double

    /// Tokens that share a scale; one of `CacheFormat.tokenGroups`.
    public var groupSize: Int

    /// Whether coefficients stand for the channels of one bit.
    public var isFourier: Bool

    /// The latest tokens that stay floats besides those of groups that are not whole; 0 to
    /// `KeyValuePolicy.largestWindow`.
    public var window: Int

    /// Creates the method with the paper's settings.
    public init(
        wideShare: Double = 0.5, groupSize: Int = 32, isFourier: Bool = true, window: Int = 0
    ) {
        precondition((0...1).contains(wideShare), "\(wideShare) is no share")
        precondition(
            CacheFormat.tokenGroups.contains(groupSize),
            "groups have \(CacheFormat.tokenGroups) tokens, not \(groupSize)")
        self.wideShare = wideShare
        self.groupSize = groupSize
        self.isFourier = isFourier
        self.window = window
    }

    /// How wide channels of keys are stored: with a scale and a minimum.
    public var wideKeys: CacheFormat { format(.numbers(.init(.integer(Self.twoBits)))) }

    /// How the other channels of keys are stored: the mean magnitude, and a sign for each.
    public var narrowKeys: CacheFormat {
        var format = format(.numbers(.binary))
        format.isFourier = isFourier
        return format
    }

    /// How values are stored: the mean magnitude, and a sign for those above half of it.
    public var values: CacheFormat { format(.numbers(.ternary)) }

    private static let twoBits = IntegerFormat(bits: 2, symmetric: false)

    private func format(_ elements: CacheFormat.Elements) -> CacheFormat {
        CacheFormat(elements, axis: .channel, groupSize: groupSize)
    }

    /// Channels of a head that get two bits.
    ///
    /// The paper's `Int(share · headDim)`, 32 if that is none, in whole steps of sixteen.
    public func wideChannels(headDim: Int) -> Int {
        guard wideShare > 0 else { return 0 }
        let wanted = Int(wideShare * Double(headDim))
        let unit = CacheFormat.groupUnit
        let steps = ((wanted == 0 ? 32 : wanted) + unit / 2) / unit
        return min(max(steps, 1) * unit, headDim)
    }

    /// The policy of a decoder, whose keys are then to be put into an order,
    /// `Decoder.orderKeys(as:)`.
    ///
    /// - Parameter headDim: Channels of a head.
    public func policy(headDim: Int) -> KeyValuePolicy {
        let wide = wideChannels(headDim: headDim)
        var policy = KeyValuePolicy(
            keys: wide < headDim ? narrowKeys : wideKeys, values: values, window: window,
            keyOrder: .ranges)
        if wide > 0, wide < headDim {
            policy.leadingKeys = KeyValuePolicy.LeadingChannels(channels: wide, format: wideKeys)
        }
        return policy
    }

    /// The order of channels in each block: those that range most widely over all heads first.
    ///
    /// The heads of a block share it, as in the paper; `Decoder.orderKeys(by:)` gives each head
    /// an order of its own.
    ///
    /// - Parameter statistics: What keys are like, `Decoder.keyStatistics(of:)`.
    public func orders(_ statistics: [KeyStatistics]) -> [[Int]] {
        statistics.map { block in
            let width = block.headDim
            let heads = block.most.count / width
            let ranges = (0..<width).map { channel in
                let own = stride(from: channel, to: block.most.count, by: width)
                return (own.map { block.most[$0] }.max() ?? 0)
                    - (own.map { block.least[$0] }.min() ?? 0)
            }
            let order = ChannelOrder.descending(ranges, headDim: width)
            return (0..<heads).flatMap { _ in order }
        }
    }
}
