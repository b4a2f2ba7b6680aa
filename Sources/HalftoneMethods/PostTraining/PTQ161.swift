import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// Four bits for the input channels with the largest activations, one bit for all others, with
/// scales that are trained block by block.
///
/// The error of a layer is at most the sum over input channels of `|x_k| · |ΔW_k|`, and which
/// channels have large activations is the same for all tokens. So the salient weights need no mask
/// of their own: a fifth of the columns gets four bits. Of the rest only signs about the row's mean
/// are kept: `u_i · v_j · (α_i · sign(w_ij − μ_i) + μ_i)`. `μ` and signs stay; `α`, `u` and `v` are
/// trained by ``trained(_:texts:progress:)``.
///
/// Source: J. Zhao et al., "PTQ1.61: Push the Real Limit of Extremely Low-Bit Post-Training
/// Quantization Methods for Large Language Models", ACL 2025, arXiv:2502.13179, sections 3.2 and
/// 3.3, and the authors' program. Departs from it: the preprocessing that trains adapters first is
/// left out; of equal activations the first channels are salient; a weight equal to the mean has
/// the sign +1, where the program has 0. Stored are `u_i·α_i`, `u_i·μ_i` and `v_j` in 16 bits.
public struct PTQ161: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "ptq1-61", title: "PTQ1.61",
        paper: Paper(
            title: "PTQ1.61: Push the Real Limit of Extremely Low-Bit Post-Training Quantization "
                + "Methods for Large Language Models",
            arXiv: "2502.13179", year: 2025),
        family: .postTraining, stage: .weightRounding,
        needs: [.pretrainedModel, .calibrationData, .gradients],
        claims: [
            MethodClaim(
                id: "order",
                "Plain signs are worse than signs with four bits for salient channels, and those "
                    + "are worse than with trained scales.",
                published: PublishedFigure(
                    "WikiText-2 perplexity 14664, 1370.4, 14.22 (LLaMA-13B)",
                    source: "the paper's ablation")),
            MethodClaim(
                id: "trained-scales",
                "Training the scales divides the perplexity by five or more.",
                published: PublishedFigure(
                    "1370.4 to 14.22 (LLaMA-13B)", source: "the paper's ablation")),
            MethodClaim(
                id: "activation-mask",
                "Channels chosen by activations are better than channels drawn at random, with "
                    + "scales trained alike."),
            MethodClaim(
                id: "row-and-column-scales",
                "Factors of rows and columns beside `α` do no harm."),
            MethodClaim(
                id: "bits", "A wide matrix takes 1.61 bits a weight, the mask included.",
                published: PublishedFigure("1.61 bits (4096 channels)", source: "paper")),
        ])

    /// What makes an input channel salient.
    public enum Salience: Sendable, Hashable, Codable {
        /// The largest magnitude in the text, as in the authors' program.
        case largest
        /// The mean magnitude, as in the authors' pseudocode.
        case mean
        /// Nothing: channels are drawn. For comparison.
        case random(seed: UInt64)
    }

    /// The share of input channels with four bits; one channel more is taken, and with 0 none.
    public var salientShare = 0.2

    /// What makes an input channel salient.
    public var salience = Salience.largest

    /// Passes through the texts for each block; 0 trains nothing.
    public var epochs = 20

    /// The rate of Adam for `α`.
    public var scaleRate = 5e-4

    /// The rate of Adam for `u` and `v`.
    public var factorRate = 1e-3

    /// Whether `u` and `v` are trained.
    public var trainsFactors = true

    /// Creates the method with the paper's settings.
    public init() {}

    /// Statistics of single features.
    public var inputDetail: InputStatistics.Detail { .features }

    /// Stores one matrix without training.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        guard let inputs, inputs.width == weight.columns, inputs.tokenCount > 0 else {
            throw .badStatistics("salient channels are those of activations")
        }
        return try parts(weight, activations(inputs)).stored()
    }

    /// How large the activations of each input channel are.
    func activations(_ inputs: InputStatistics) -> [Float] {
        switch salience {
        case .largest: return inputs.largestMagnitudes
        case .mean: return inputs.meanMagnitudes
        case .random(let seed):
            var generator = SeededGenerator(seed: seed)
            return (0..<inputs.width).map { _ in Float.random(in: 0..<1, using: &generator) }
        }
    }

    /// The salient channels, ascending: those of `threshold` and above, where the threshold is the
    /// activation at place `⌊share · K⌋` of the descending order.
    public func salientColumns(_ activations: [Float]) -> [Int] {
        guard salientShare > 0 else { return [] }
        let count = min(Int(salientShare * Double(activations.count)) + 1, activations.count)
        let order = activations.indices.sorted {
            (activations[$1], $0) < (activations[$0], $1)
        }
        return order.prefix(count).sorted()
    }

    /// How a matrix with some salient columns is stored.
    public static func form(columns: Int, salient: Int) -> MatrixForm {
        let four = NumberFormat(.integer(IntegerFormat(bits: 4, symmetric: false)))
        return .columnClasses([
            .init(columns: salient, form: .scaled(four, .channel, .plain(.float16))),
            .init(columns: columns - salient, form: .affineSigns),
        ])
    }

    /// The numbers of a matrix before training.
    func parts(
        _ weight: any WeightMatrix, _ activations: [Float]
    ) throws(QuantizationError) -> SalientSigns {
        let values = weight.decoded()
        try RowPlan.checkFinite(values, row: 0, columns: weight.columns)
        return SalientSigns(
            values, rows: weight.rows, columns: weight.columns,
            salient: salientColumns(activations))
    }
}

/// A matrix whose salient columns have four bits and whose others have signs; see ``PTQ161``.
struct SalientSigns {
    let rows: Int
    let columns: Int
    /// The salient columns and the others, ascending.
    let salient: [Int]
    let rest: [Int]
    /// Codes `[rows, salient]`, a step and a zero point for each row.
    let codes: [UInt8]
    let steps: [Float]
    let zeros: [UInt8]
    /// 1 for +1, `[rows, rest]`.
    let signs: [UInt8]
    /// `α`.
    var scales: [Float]
    /// `μ`.
    let means: [Float]
    /// `u`.
    var rowFactors: [Float]
    /// `v`, of the columns in ``rest``.
    var columnFactors: [Float]

    /// Rounds a matrix `[rows, columns]`.
    ///
    /// The steps of four bits cover the whole row, zero included, and not just its salient columns;
    /// `μ` is the mean of the others and `α` that of their magnitudes.
    init(_ values: [Float], rows: Int, columns: Int, salient: [Int]) {
        let isSalient = Set(salient)
        let rest = (0..<columns).filter { !isSalient.contains($0) }
        let codec = ScaleCodec(.float16)
        var (codes, steps, zeros): ([UInt8], [Float], [UInt8]) = ([], [], [])
        var (signs, scales, means): ([UInt8], [Float], [Float]) = ([], [], [])
        for row in 0..<rows {
            let own = values[row * columns..<(row + 1) * columns]
            func value(_ column: Int) -> Float { own[own.startIndex + column] }
            let least = min(own.min() ?? 0, 0)
            let step = codec.nearest((max(own.max() ?? 0, 0) - least) / 15)
            func level(_ steps: Float) -> Float { min(max(steps, 0), 15) }
            let zero = step > 0 ? level((-least / step).rounded(.toNearestOrEven)) : 0
            steps.append(step)
            zeros.append(UInt8(zero))
            for column in salient {
                let code = step > 0 ? (value(column) / step).rounded(.toNearestOrEven) + zero : 0
                codes.append(UInt8(level(code)))
            }
            let count = Double(max(rest.count, 1))
            let mean = Float(rest.reduce(0.0) { $0 + Double(value($1)) } / count)
            means.append(mean)
            scales.append(Float(rest.reduce(0.0) { $0 + Double(value($1).magnitude) } / count))
            for column in rest { signs.append(value(column) >= mean ? 1 : 0) }
        }
        self.rows = rows
        self.columns = columns
        self.salient = salient
        self.rest = rest
        self.codes = codes
        self.steps = steps
        self.zeros = zeros
        self.signs = signs
        self.scales = scales
        self.means = means
        rowFactors = [Float](repeating: 1, count: rows)
        columnFactors = [Float](repeating: 1, count: rest.count)
    }

    /// The matrix as it is stored.
    func stored() throws(QuantizationError) -> StoredMatrix {
        func binary(_ name: Substring) -> PartContent? {
            switch name {
            case "codes": .codes(signs, values: 2)
            case "scales": .floats(zip(scales, rowFactors).map { $0 * $1 })
            case "offsets": .floats(zip(means, rowFactors).map { $0 * $1 })
            case "factors": .floats(columnFactors)
            default: nil
            }
        }
        guard !salient.isEmpty else {
            return try StoredMatrix(form: .affineSigns, rows: rows, columns: columns) {
                binary($0.name[...])
            }
        }
        return try StoredMatrix(
            form: PTQ161.form(columns: columns, salient: salient.count), rows: rows,
            columns: columns
        ) { part in
            switch part.name {
            case "order": .places(salient + rest)
            case "class0.codes": .codes(codes, values: 16)
            case "class0.scales": .floats(steps)
            case "class0.zeros": .codes(zeros, values: 16)
            default: binary(part.name.dropFirst("class1.".count))
            }
        }
    }
}
