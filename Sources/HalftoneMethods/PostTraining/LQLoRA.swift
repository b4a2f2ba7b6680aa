import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

/// Splits a matrix into quantized weights and a product of two thin matrices that starts where the
/// quantization errs most.
///
/// QLoRA starts its adapter at zero and lives with the error. Here the leading singular vectors of
/// what the quantized weights leave over, and the quantization of what these vectors leave over,
/// take turns. The thin matrices are stored beside the weights, or are the start of an adapter.
///
/// Source: H. Guo, P. Greengard, E. Xing and Y. Kim, "LQ-LoRA: Low-rank Plus Quantized Matrix
/// Decomposition for Efficient Language Model Finetuning", ICLR 2024, arXiv:2311.12023, sections
/// 3.1 to 3.3.
/// Departs from it in these places:
/// - The best iterate is kept, where the authors' program keeps the one at which it stopped.
/// - The thin matrices are rounded to 16 bits before the rest is quantized, so that errors are
///   those of what is stored; the low-rank approximation is exact, not randomized.
/// - Groups of weights begin anew in each row. Where they divide the rows that is the same.
public struct LQLoRA: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "lq-lora", title: "LQ-LoRA",
        paper: Paper(
            title: "LQ-LoRA: Low-rank Plus Quantized Matrix Decomposition for Efficient Language "
                + "Model Finetuning",
            arXiv: "2311.12023", year: 2023),
        family: .postTraining, stage: .weightRounding, needs: [.pretrainedModel, .gradients],
        claims: [
            MethodClaim(
                id: "alternation",
                "With every turn of singular vectors and quantization the error falls.",
                published: PublishedFigure(
                    "relative squared error 0.0406 rounded to NF3, then 0.0330, 0.0283, 0.0262 and "
                        + "0.0223 after ten turns (Gaussian 576 × 576, rank 32)",
                    source: "a simulation of the algorithm, not the paper")),
            MethodClaim(
                id: "beats-zero-start",
                "At the start of fine-tuning it is nearer to the model than quantized weights with "
                    + "an adapter that is zero.",
                published: PublishedFigure(
                    "GLUE at 2.5 bits 85.7 against 75.4 of QLoRA (RoBERTa-large, tuned)",
                    source: "a review of the paper")),
            MethodClaim(
                id: "pays-for-its-bits",
                "With the 16-bit matrices counted, it still beats rounding that may use as many "
                    + "bits.",
                published: PublishedFigure(
                    "2.75 bits, 2.85 with the low-rank part, is competitive with full precision "
                        + "(LLaMA-2-70B, tuned)",
                    source: "the abstract")),
            MethodClaim(
                id: "fisher",
                "At three bits or fewer, errors that count their Fisher information give a better "
                    + "start.",
                published: PublishedFigure(
                    "GLUE at 2.5 bits 87.3 against 85.7 (RoBERTa-large, tuned)",
                    source: "a review of the paper")),
            MethodClaim(
                id: "allocation",
                "A configuration for each matrix, by an integer program, beats the best one for all "
                    + "in the same memory."),
        ])

    /// The rank of the product; 0 leaves rounding to nearest.
    ///
    /// At most the smaller side of a matrix is used.
    public var rank: Int

    /// How the quantized weights are stored.
    public var base: MatrixForm

    /// Turns at most.
    public var turns: Int

    /// What the squared error of each weight counts, `[rows, columns]` and at least 0: the diagonal
    /// of the Fisher information; nil for 1.
    ///
    /// Quantization itself does not look at it.
    public var fisher: [Float]?

    /// Creates the method with the paper's settings, and the quantizer of QLoRA at three bits.
    public init(
        rank: Int = 64, base: MatrixForm = Configuration(bits: 3).form, turns: Int = 100,
        fisher: [Float]? = nil
    ) {
        precondition(rank >= 0 && turns >= 1, "a rank of \(rank), \(turns) turns")
        self.rank = rank
        self.base = base
        self.turns = turns
        self.fisher = fisher
    }

    /// Nothing: the Fisher information is of weights.
    public var inputDetail: InputStatistics.Detail { .none }

    /// The best split that was found; see ``decompose(_:)``.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        try decompose(weight).matrix
    }

    /// A split, and how it came about.
    public struct Decomposition: Sendable {
        /// The best of all turns, as a low-rank part around ``LQLoRA/base``.
        public let matrix: StoredMatrix
        /// The squared error, weighted if errors are, after each turn; the last one may be worse
        /// than the one before.
        public let errors: [Double]
        /// The least of them.
        public var error: Double { errors.min() ?? 0 }
    }

    /// Lets singular vectors and quantization take turns until the error grows (algorithms 1 and
    /// 2 of the paper).
    ///
    /// - Parameter weight: `[rows, columns]` in any form that decodes.
    /// - Throws: `QuantizationError` for weights that are not finite, or that the form cannot hold.
    /// - Complexity: Turns times O(rows · columns · k + k³) with k the smaller side.
    public func decompose(
        _ weight: any WeightMatrix
    ) throws(QuantizationError) -> Decomposition {
        let (rows, columns) = (weight.rows, weight.columns)
        let values = weight.decoded()
        precondition(fisher.map { $0.count == values.count } ?? true, "a number for each weight")
        let rank = min(rank, rows, columns)
        let scales = FactorScales(fisher, rows: rows, columns: columns)
        var quantized = [Float](repeating: 0, count: values.count)
        var best: StoredMatrix?
        var errors: [Double] = []
        repeat {
            let rest = zip(values, quantized).map { $0 - $1 }
            let factors = try scales.factors(rest, rank: rank)
            let left = zip(values, factors.product).map { $0 - $1 }
            let base = try StoredMatrix(
                left, rows: rows, columns: columns, form: base, search: .absmax)
            quantized = try base.decoded()
            errors.append(error(left, quantized))
            let isBest = errors.dropLast().allSatisfy { $0 > errors[errors.count - 1] }
            guard best == nil || isBest else { break }
            best = try StoredMatrix(
                base, adding: factors.left, times: factors.right, rank: rank)
        } while errors.count < turns && rank > 0
        guard let best else { preconditionFailure("there is a turn") }
        return Decomposition(matrix: best, errors: errors)
    }

    private func error(_ values: [Float], _ quantized: [Float]) -> Double {
        var sum = 0.0
        for (place, value) in values.enumerated() {
            let distance = Double(value) - Double(quantized[place])
            sum += Double(fisher?[place] ?? 1) * distance * distance
        }
        return sum
    }
}

/// Weights of rows and columns whose product is near to what errors count, and the low-rank part
/// under them (equation 5 of the paper).
private struct FactorScales {
    private let rows: [Double]
    private let columns: [Double]

    /// Means of rows and columns, with a millionth of the mean of all added so that none is zero.
    init(_ fisher: [Float]?, rows: Int, columns: Int) {
        guard let fisher, !fisher.isEmpty else {
            self.rows = [Double](repeating: 1, count: rows)
            self.columns = [Double](repeating: 1, count: columns)
            return
        }
        var (byRow, byColumn) = (
            [Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns)
        )
        for (place, value) in fisher.enumerated() {
            byRow[place / columns] += Double(value) / Double(columns)
            byColumn[place % columns] += Double(value) / Double(rows)
        }
        let mean = byRow.reduce(0, +) / Double(rows)
        func roots(_ sums: [Double]) -> [Double] {
            mean > 0 ? sums.map { ($0 / mean + 1e-6).squareRoot() } : sums.map { _ in 1 }
        }
        self.rows = roots(byRow)
        self.columns = roots(byColumn)
    }

    /// The factors, rounded to 16 bits, and their product.
    func factors(
        _ rest: [Float], rank: Int
    ) throws(QuantizationError) -> (left: [Float], right: [Float], product: [Float]) {
        let width = columns.count
        let scaled = DenseMatrix<Double>(
            rows: rows.count, columns: width,
            elements: rest.enumerated().map {
                Double($0.element) * rows[$0.offset / width] * columns[$0.offset % width]
            })
        do {
            var (left, right) = try scaled.lowRankFactors(rank)
            let codec = ScaleCodec(.float16)
            for row in 0..<left.rows {
                for k in 0..<rank {
                    left[row, k] = Double(codec.nearest(Float(left[row, k] / rows[row])))
                }
            }
            for column in 0..<width {
                for k in 0..<rank {
                    right[k, column] = Double(
                        codec.nearest(Float(right[k, column] / columns[column])))
                }
            }
            func floats(_ matrix: DenseMatrix<Double>) -> [Float] {
                matrix.elements.map { Float($0) }
            }
            return (floats(left), floats(right), floats(left.product(right)))
        } catch {
            throw .badParts("\(error)")
        }
    }
}
