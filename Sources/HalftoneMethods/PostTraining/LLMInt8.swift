import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime

/// Products of int8 rows with int8 tokens, and a float product of the few columns whose
/// activations are too large for that.
///
/// Large transformers have a handful of channels of huge magnitude; one of them ruins the int8
/// scale of every token. So every token and every output row has its own scale, and a column in
/// which any activation of the batch reaches ``threshold`` is taken out of the integer product:
///
///     Y[t, n] = s_t · s_n · Σ_{k ∉ O} Xq[t, k] · Wq[n, k] + Σ_{k ∈ O} X[t, k] · W[n, k]
///
/// with `s` the largest magnitude over 127, that of a token over the columns outside `O` alone.
/// Sums of codes are int32. A batch is what a caller hands over: the tokens of one sequence when a
/// prompt is read, a single one when text is written, so that the two may round differently.
///
/// Source: T. Dettmers, M. Lewis, Y. Belkada and L. Zettlemoyer, "LLM.int8(): 8-bit Matrix
/// Multiplication for Transformers at Scale", NeurIPS 2022, arXiv:2208.07339, section 3 with
/// equation 8, and bitsandbytes by the same author. Departs from them in three places: codes are
/// the nearest integers to `w / s` with `s` in float32, not to `127 · w / max`; the float product
/// is computed in float32; and since weights are stored once, the columns of `O` are those of
/// calibration text in 16 bits (equation 8), where that is asked for, and decoded int8 elsewhere,
/// as bitsandbytes does without `has_fp16_weights`.
public struct LLMInt8: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "llm-int8", title: "LLM.int8()",
        paper: Paper(
            title: "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
            arXiv: "2208.07339", year: 2022),
        family: .postTraining, stage: .runtime, needs: [.pretrainedModel],
        claims: [
            MethodClaim(
                id: "lossless",
                "Weights and activations in int8 lose less than one percent of perplexity.",
                published: PublishedFigure(
                    "perplexity on C4, 125M to 13B: 25.83, 15.93, 14.44, 13.24, 12.45; in float32 "
                        + "25.65, 15.91, 14.43, 13.30, 12.45",
                    source: "table 1 of the paper")),
            MethodClaim(
                id: "finer-scales-help",
                "Scales for tokens and rows lose less than one scale for each tensor.",
                published: PublishedFigure(
                    "125M: 87.76 with a scale per tensor, 30.93 with one per token, 35.84 with "
                        + "one per token and row; 6.7B: 14.59, 14.13, 14.13",
                    source: "table 1 of the paper")),
            MethodClaim(
                id: "survives-outliers",
                "With outlier channels int8 alone loses much, and with them apart nothing.",
                published: PublishedFigure(
                    "13B: 16.48 with a scale per token and row, 12.45 with the decomposition and "
                        + "in float32", source: "table 1 of the paper")),
            MethodClaim(
                id: "outlier-gap",
                "On normal numbers with outlier columns the error of a product falls by an order "
                    + "of magnitude and more."),
            MethodClaim(
                id: "few-columns", "Nearly all values are multiplied in 8 bits.",
                published: PublishedFigure(
                    "more than 99.9 % of values, at most 7 columns up to 13B",
                    source: "the paper")),
            MethodClaim(
                id: "halves-memory", "Linear layers take half the memory of 16 bits.",
                published: PublishedFigure(
                    "BLOOM-176B takes 1.96 times less", source: "the paper")),
        ])

    /// The magnitude from which on an activation takes its column out of the integer product;
    /// infinite for none, which leaves vector-wise int8.
    public var threshold: Float

    /// Which activations share a scale.
    public var activations: ActivationScale

    /// Which weights share a scale: a row each, or all of them.
    public var granularity: Granularity

    /// Which columns of the weights are stored in 16 bits.
    public var kept: KeptColumns

    /// How scales are stored.
    public var scaleFormat: ScaleFormat

    /// Activations that share a scale.
    public enum ActivationScale: String, Sendable, CaseIterable, Codable {
        /// Those of a token.
        case token
        /// Those of the batch.
        case tensor
    }

    /// Columns of weights that are stored in 16 bits.
    public enum KeptColumns: String, Sendable, CaseIterable, Codable {
        /// None: outlier columns are decoded from int8.
        case none
        /// Those in which the threshold was reached by calibration text.
        case calibrated
    }

    /// The integers −127 … 127.
    static let format = IntegerFormat(bits: 8, symmetric: true, narrow: true)

    /// Creates the method with the paper's settings.
    public init(
        threshold: Float = 6, activations: ActivationScale = .token,
        granularity: Granularity = .channel, kept: KeptColumns = .none,
        scaleFormat: ScaleFormat = .float32
    ) {
        precondition(threshold > 0, "\(threshold) is no magnitude to be reached")
        precondition(
            granularity == .channel || granularity == .tensor,
            "scales within a row cannot be taken out of its sum")
        self.threshold = threshold
        self.activations = activations
        self.granularity = granularity
        self.kept = kept
        self.scaleFormat = scaleFormat
    }

    /// A scale per token and row without decomposition.
    public static let vectorWise = Self(threshold: .infinity)

    /// A scale per token, and one for all weights.
    public static let rowWise = Self(threshold: .infinity, granularity: .tensor)

    /// A scale for all activations of a batch, and one for all weights.
    public static let perTensor = Self(
        threshold: .infinity, activations: .tensor, granularity: .tensor)

    /// Nothing, or the largest magnitudes of features where columns are kept.
    public var inputDetail: InputStatistics.Detail { kept == .none ? .none : .features }

    /// The form of a matrix.
    ///
    /// - Parameter columns: Columns kept in 16 bits.
    public func form(keeping columns: Int = 0) -> MatrixForm {
        let codes = MatrixForm.scaled(
            NumberFormat(.integer(Self.format)), granularity, .plain(scaleFormat))
        return columns == 0 ? codes : .outlierColumns(columns, base: codes)
    }

    /// Stores one matrix; see `MatrixMethod.stored(_:inputs:pool:)`.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        let reaches = kept == .none ? nil : inputs?.largestMagnitudes.map { $0 >= threshold }
        return try StoredMatrix(
            weight.decoded(), rows: weight.rows, columns: weight.columns,
            form: form(keeping: reaches?.count { $0 } ?? 0),
            importance: reaches.map { $0.map { $0 ? 1 : 0 } }, search: .absmax)
    }
}

extension LLMInt8 {
    /// Splits activations into int8 codes and columns that stay float.
    ///
    /// - Parameters:
    ///   - values: `[tokens, width]`, finite.
    ///   - width: Features of a token.
    ///   - columns: That stay float whatever is in them.
    public func decomposed(
        _ values: [Float], width: Int, keeping columns: [Int] = []
    ) -> DecomposedActivations {
        DecomposedActivations(
            values, width: width, threshold: threshold, keeping: columns,
            sharing: activations)
    }

    /// The columns that the method keeps for a matrix, ascending.
    ///
    /// - Throws: `QuantizationError` when the file is damaged.
    public static func keptColumns(
        of stored: StoredMatrix
    ) throws(QuantizationError) -> [Int] {
        try stored.places(ofPart: "columns", below: stored.columns)
    }

    /// Rounds activations to int8 and back, all but outlier columns, so that a float product gives
    /// what the integer product gives.
    ///
    /// With the same stored weights the two differ by the rounding of float32 sums alone, since
    /// products of codes and scales are the same real numbers. A batch is a sequence.
    ///
    /// - Parameter kept: The columns that are kept for the layers of a stage; none by default.
    public func activationChange(
        keeping kept: @escaping (_ block: Int, _ stage: BlockStage) -> [Int] = { _, _ in [] }
    ) -> ActivationChange {
        { block, stage, values, width in
            let parts = decomposed(values, width: width, keeping: kept(block, stage))
            parts.roundTrip(&values)
        }
    }
}
