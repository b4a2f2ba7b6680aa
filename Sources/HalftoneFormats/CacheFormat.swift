/// How the keys or the values of attention are stored while a sequence is generated.
///
/// A key or value of a head is a vector of `headDim` numbers, its *channels*, for each token.
public struct CacheFormat: Sendable, Hashable {
    /// What a number is stored as.
    public enum Elements: Sendable, Hashable {
        /// As it is computed.
        case float32
        /// IEEE binary16.
        case float16
        /// Block floating point: integers of some bits, the sign included, 2 to 8, that share a
        /// power of two; the largest exponent of a group, in a byte.
        ///
        /// Source: N. Trukhanov and I. Soloveychik, "Accurate Block Quantization in LLMs with
        /// Outliers", arXiv:2403.20137, section 2: with `E = ⌊log2 max|x|⌋` the step is
        /// `2^(E − (bits − 2))`, and both ends of the range have the same magnitude.
        case blockFloat(bits: Int)
        /// Codes of a format of 1 to 8 bits, with a float16 scale for each group, and a float16
        /// minimum where the format is an affine integer.
        case numbers(NumberFormat)
    }

    /// What the numbers of a group have in common.
    public enum Axis: String, Sendable, Hashable {
        /// The token: a group is a run of channels of one token.
        case token
        /// The channel: a group is a run of tokens of one channel. A token has to wait as floats
        /// until its group is whole.
        case channel
    }

    /// What a number is stored as.
    public var elements: Elements

    /// What the numbers of a group have in common; nothing to floats.
    public var axis: Axis

    /// Numbers of a group; nil means all channels of a head, or 32 tokens.
    public var groupSize: Int?

    /// Whether coefficients of a real Fourier transform are stored in place of channels.
    ///
    /// There are as many coefficients of a token as channels, of like size where channels are not.
    /// For keys, whose queries are transformed alike.
    ///
    /// Source: K. Tao et al., "Plug-and-Play 1.x-Bit KV Cache Quantization for Video Large Language
    /// Models", arXiv:2503.16257, section 3.2. Departs from it in what is stored of the complex
    /// coefficients: the half that is independent, so that there are no more numbers than channels.
    public var isFourier = false

    /// Groups along channels that can be stored: multiples of this.
    public static let groupUnit = 16

    /// Groups of tokens that can be stored.
    public static let tokenGroups = [16, 32, 64, 128, 256]

    /// Describes a format.
    ///
    /// - Parameters:
    ///   - elements: What a number is stored as.
    ///   - axis: What the numbers of a group have in common.
    ///   - groupSize: A multiple of ``groupUnit`` up to 1024, or one of ``tokenGroups`` with
    ///     ``Axis/channel``; nil as in ``groupSize``. Anything else is a mistake of the caller.
    public init(_ elements: Elements, axis: Axis = .token, groupSize: Int? = nil) {
        precondition(
            groupSize.map { Self.isPossible(groupSize: $0, axis: axis) } ?? true,
            "a group of \(groupSize ?? 0) along a \(axis.rawValue) cannot be stored")
        if case .blockFloat(let bits) = elements {
            precondition((2...8).contains(bits), "block floats have 2 to 8 bits, not \(bits)")
        }
        self.elements = elements
        self.axis = axis
        self.groupSize = groupSize
    }

    /// Numbers as they are computed.
    public static let float32 = Self(.float32)
    /// IEEE binary16.
    public static let float16 = Self(.float16)

    /// Whether numbers of a group share anything.
    public var hasGroups: Bool { elements != .float32 && elements != .float16 }

    /// Tokens that have to come together before they are stored; 1 if each is stored alone.
    public var tokensAtOnce: Int { hasGroups && axis == .channel ? groupSize ?? 32 : 1 }

    /// Bits of a number without what its group shares.
    public var bits: Int {
        switch elements {
        case .float32: 32
        case .float16: 16
        case .blockFloat(let bits): bits
        case .numbers(let format): format.bits
        }
    }

    /// Whether a group has a minimum beside its scale.
    public var hasMinimum: Bool {
        guard case .numbers(let format) = elements, case .integer(let integers) = format.definition
        else { return false }
        return !integers.isSymmetric
    }

    /// Bits of a number with its part of what the group shares, in whole groups.
    ///
    /// - Parameter headDim: Channels of a head.
    public func bitsPerNumber(headDim: Int) -> Double {
        guard hasGroups else { return Double(bits) }
        var shared = hasMinimum ? 32.0 : 16.0
        if case .blockFloat = elements { shared = 8 }
        let size = axis == .channel ? tokensAtOnce : min(groupSize ?? headDim, headDim)
        return Double(bits) + shared / Double(size)
    }

    static func isPossible(groupSize: Int, axis: Axis) -> Bool {
        axis == .channel
            ? tokenGroups.contains(groupSize)
            : groupSize > 0 && groupSize <= 1024 && groupSize.isMultiple(of: groupUnit)
    }
}
