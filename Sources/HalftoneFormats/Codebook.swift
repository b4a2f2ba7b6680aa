/// A finite list of numbers of any spacing; a code is the place in the list.
public struct Codebook: Sendable, Hashable {
    /// Where a number halfway between two neighbours goes.
    public enum Ties: String, Sendable, Hashable {
        /// To the lower neighbour.
        case lower
        /// To the neighbour of smaller magnitude.
        case towardZero
    }

    /// What the codebook is called in tables and files.
    public let name: String

    /// The value of each code: 2 to 256 finite numbers in any order.
    ///
    /// Of +0 and −0 together, −0 is for negative numbers.
    public let values: [Float]

    /// Where a number halfway between two neighbours goes.
    public let ties: Ties

    /// Creates a codebook.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - values: 2 to 256 finite numbers; anything else is a mistake of the caller.
    ///   - ties: Where a number halfway between two neighbours goes.
    public init(_ name: String, values: [Float], ties: Ties = .lower) {
        precondition((2...256).contains(values.count), "a codebook has 2 to 256 values")
        precondition(values.allSatisfy(\.isFinite), "the values of a codebook are numbers")
        self.name = name
        self.values = values
        self.ties = ties
    }

    /// Bits of a code on its own.
    public var bits: Int { Int.bitWidth - (values.count - 1).leadingZeroBitCount }
}

extension Codebook {
    /// Four bits: quantiles of the normal distribution, scaled to −1 … 1, with an exact zero.
    ///
    /// Source: T. Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs",
    /// arXiv:2305.14314, appendix E; the float32 values of bitsandbytes.
    public static let nf4 = Self(
        "nf4",
        values: [
            -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
            -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
            0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
            0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
        ])

    /// Three bits, by the rule of ``nf4``: the offset is `1 − ½(1 / 16 + 1 / 14)`.
    public static let nf3 = Self(
        "nf3",
        values: [
            -1, -0.5350227355957031, -0.24693143367767334, 0, 0.1833374798297882,
            0.38199394941329956, 0.6229857206344604, 1,
        ])

    /// Two bits, by the rule of ``nf4``: the offset is `1 − ½(1 / 8 + 1 / 6)`.
    public static let nf2 = Self("nf2", values: [-1, 0, 0.4358181655406952, 1])

    /// Three bits of a normal distribution with the offset of ``nf4``, 0.9677083, in place of one
    /// for the width.
    ///
    /// Its levels are some of those of ``nf4``.
    ///
    /// Source: H. Guo et al., "LQ-LoRA: Low-rank Plus Quantized Matrix Decomposition for Efficient
    /// Language Model Finetuning", arXiv:2311.12023, section 3.2.
    public static let lqnf3 = Self(
        "lqnf3",
        values: [
            -1, -0.4786291718482971, -0.21714182198047638, 0, 0.16093017160892487,
            0.33791518211364746, 0.5626169443130493, 1,
        ])

    /// Two bits by the rule of ``lqnf3``.
    public static let lqnf2 = Self("lqnf2", values: [-1, 0, 0.33791518211364746, 1])

    /// The four-bit floats of bitsandbytes: sign, then a code for each of eight magnitudes.
    ///
    /// Source: `FP4` of bitsandbytes: {0, 1/16, 8, 12, 4, 6, 2, 3} / 12.
    public static let fp4 = Self(
        "fp4",
        values: [1, -1].flatMap { (sign: Float) in
            [0, 0.0625, 8, 12, 4, 6, 2, 3].map { sign * ($0 / 12) }
        }, ties: .towardZero)

    /// Two planes of bits with a real scale each: `0, first, second, first + second`.
    ///
    /// With `2s` and `−s`, where its training begins, that is −1, 0, 1 and 2 times `s`.
    ///
    /// Source: H. Chen et al., "DB-LLM: Accurate Dual-Binarization for Efficient LLMs",
    /// arXiv:2402.11960.
    ///
    /// - Parameters:
    ///   - first: The value of bit 0.
    ///   - second: The value of bit 1.
    public static func dualBinary(first: Float, second: Float) -> Self {
        Self("dual-binary", values: [0, first, second, first + second])
    }
}
