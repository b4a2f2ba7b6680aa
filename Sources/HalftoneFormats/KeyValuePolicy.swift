/// How a decoder keeps the keys and values of the tokens that it has read.
///
/// A token's keys and values are floats while it is one of the latest ``window`` tokens, and for
/// good if it is one of the first ``protectedTokens``. Then they are stored in their formats,
/// where groups along tokens wait until they are whole. What attention sees of a token depends on
/// how many came after it, not on how many are read at a time.
///
/// ```swift
/// let policy = try KeyValuePolicy(parsing: "K:uint4/channel32,V:uint4/token32,window=32")
/// ```
public struct KeyValuePolicy: Sendable, Hashable {
    /// Which order a head's channels are stored in: neighbours share the scale of a group.
    ///
    /// Queries are put into the same order, which changes no product.
    public enum KeyOrder: String, Sendable, Hashable, CaseIterable {
        /// As the model has them.
        case model
        /// Those of large weights first: by the norms of the rows of the key projection, with the
        /// gain of the normalization before it. Rotary positions turn pairs of channels, which
        /// have the larger of their norms in common.
        case weights
        /// Those of large keys first: by their mean magnitude on a text that the decoder is shown.
        case magnitudes
        /// Those of a large range first, on a text that the decoder is shown.
        case ranges
    }

    /// How keys are stored, after rotary positions.
    public var keys: CacheFormat

    /// Keys' first channels in ``keyOrder`` that have a format of their own, if some have.
    public var leadingKeys: LeadingChannels?

    /// How values are stored.
    public var values: CacheFormat

    /// The latest tokens that stay floats, the one being read included; 0 to ``largestWindow``.
    public var window: Int

    /// The first tokens that stay floats for good; 0 to ``mostProtectedTokens``.
    public var protectedTokens: Int

    /// The order of channels in keys.
    public var keyOrder: KeyOrder

    /// The most tokens that can stay floats.
    public static let largestWindow = 4096

    /// The most first tokens that can be protected.
    public static let mostProtectedTokens = 64

    /// The first channels of a head, and how they are stored.
    public struct LeadingChannels: Sendable, Hashable {
        /// Channels: a multiple of ``CacheFormat/groupUnit``.
        public var channels: Int
        /// How they are stored.
        public var format: CacheFormat

        /// Describes channels.
        ///
        /// - Parameters:
        ///   - channels: A multiple of ``CacheFormat/groupUnit`` up to 1024.
        ///   - format: How they are stored.
        public init(channels: Int, format: CacheFormat) {
            precondition(
                CacheFormat.isPossible(groupSize: channels, axis: .token),
                "leading channels come in runs of \(CacheFormat.groupUnit)")
            self.channels = channels
            self.format = format
        }
    }

    /// Keys and values as they are computed.
    public static let float32 = Self(keys: .float32, values: .float32)

    /// Describes a policy.
    ///
    /// - Parameters:
    ///   - keys: How keys are stored.
    ///   - values: How values are stored.
    ///   - window: The latest tokens that stay floats, 0 to ``largestWindow``.
    ///   - protectedTokens: The first tokens that stay floats, 0 to ``mostProtectedTokens``.
    ///   - keyOrder: The order of channels in keys.
    public init(
        keys: CacheFormat, values: CacheFormat, window: Int = 0, protectedTokens: Int = 0,
        keyOrder: KeyOrder = .model
    ) {
        precondition((0...Self.largestWindow).contains(window), "the window is too large")
        precondition(
            (0...Self.mostProtectedTokens).contains(protectedTokens), "too many are protected")
        self.keys = keys
        self.values = values
        self.window = window
        self.protectedTokens = protectedTokens
        self.keyOrder = keyOrder
    }

    /// Whether keys and values are all floats of 32 bits.
    public var isFloat32: Bool {
        keys == .float32 && values == .float32 && leadingKeys == nil
    }

    /// Tokens that have to come together before they are stored: those of the largest group.
    public var tokensAtOnce: Int {
        max(keys.tokensAtOnce, values.tokensAtOnce, leadingKeys?.format.tokensAtOnce ?? 1)
    }

    /// Bytes that a token takes in one layer when it is stored, in whole groups.
    ///
    /// - Parameters:
    ///   - heads: Heads of keys and values.
    ///   - headDim: Channels of a head.
    public func bytesPerToken(heads: Int, headDim: Int) -> Double {
        let leading = min(leadingKeys?.channels ?? 0, headDim)
        var bits = values.bitsPerNumber(headDim: headDim) * Double(headDim)
        if leading < headDim {
            let rest = headDim - leading
            bits += keys.bitsPerNumber(headDim: rest) * Double(rest)
        }
        if let leadingKeys, leading > 0 {
            bits += leadingKeys.format.bitsPerNumber(headDim: leading) * Double(leading)
        }
        return bits * Double(heads) / 8
    }
}
