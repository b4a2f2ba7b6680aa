import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

/// Stores weights as six-bit floats, one scale per row, rounded to nearest.
///
/// A float of three exponent bits errs by a share of each weight rather than of the largest one of
/// its group, so that one scale per row does however long the tails of its weights are, and
/// nothing has to be calibrated.
///
/// Source: X. Wu et al., "ZeroQuant(4+2): Redefining LLMs Quantization with a New FP6-Centric
/// Strategy for Diverse Generative Tasks", arXiv:2312.08583, sections 3 and 4. Departs from it in
/// two places: its option of error compensation on the same grid is left out, as it is in the
/// authors' serving code, and the scale is always the one of the bias shift, see ``format``.
public struct ZeroQuantFP6: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "zeroquant-fp6", title: "ZeroQuant(4+2)",
        paper: Paper(
            title: "ZeroQuant(4+2): Redefining LLMs Quantization with a New FP6-Centric Strategy "
                + "for Diverse Generative Tasks",
            arXiv: "2312.08583", year: 2023),
        family: .postTraining, stage: .weightRounding, needs: [.pretrainedModel],
        claims: [
            MethodClaim(
                id: "near-float",
                "With one scale per row and rounding to nearest the model predicts text as its "
                    + "float original does, where 4-bit integers in groups of 128 do not.",
                published: PublishedFigure(
                    "comparable to FP16 in code generation (StarCoder-15B) and close to its "
                        + "baseline in summarization (406M); INT4 reaches neither",
                    source: "the abstract")),
            MethodClaim(
                id: "generates-as-float",
                "Greedy continuations follow those of the float model for longer than with 4-bit "
                    + "integers."),
            MethodClaim(
                id: "any-tail",
                "The relative error hardly depends on how long the tails of the weights are, as "
                    + "that of integers does."),
            MethodClaim(
                id: "exact-shift",
                "A code becomes a 16-bit float by moving its bits, exactly, when the scale takes "
                    + "the difference of the biases; the two parts of 4 and 2 bits hold all of it."),
        ])

    /// The numbers that codes stand for: E3M2 with the bias of 16-bit floats, so `2⁻¹²` of what its
    /// own bias of 3 gives.
    ///
    /// The paper computes with this bias and multiplies scales by `2¹²` for it. Stored that way, a
    /// scale is no subnormal of its 16 bits, as it would be where no weight of a row is above
    /// 0.0017; it is out of their range where one is above 447.
    public static let format = NumberFormat(
        .float(FloatFormat(exponentBits: 3, mantissaBits: 2, bias: 15)))

    /// The form of a matrix: 6 bits a weight and a 16-bit scale for each row.
    public static let form = MatrixForm.scaled(format, .channel, .plain(.float16))

    /// Creates the method, which has no settings.
    public init() {}

    /// Nothing is calibrated.
    public var inputDetail: InputStatistics.Detail { .none }

    /// Stores one matrix; see `MatrixMethod.stored(_:inputs:pool:)`.
    ///
    /// The largest number stands for the largest magnitude of a row (section 3: `max |w| / 28`).
    ///
    /// - Throws: `QuantizationError` for a weight that is no number or is above 447.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics? = nil, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        try StoredMatrix(
            weight.decoded(), rows: weight.rows, columns: weight.columns, form: Self.form,
            search: .absmax)
    }
}
