import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Gives each column of a matrix the number of levels with which all columns cost the same.
///
/// With error compensation the loss of a column falls as `2^(−th·R)` with its bits `R`, and columns
/// differ by orders of magnitude. So a first pass with one width for all measures what each column
/// costs, and a second one spends the same bits where they lower the sum of losses most:
/// `levels_j = round(max(1, (L_j / GM(L) · 2^(th·R))^(1/th)))`, where `GM` is the geometric mean.
///
/// Source: "BAQ: Efficient Bit Allocation Quantization for Large Language Models",
/// arXiv:2506.05664, and its program (`CSU-ModelCompression/BAQ`). Departs from it in five places:
/// both passes of a matrix see the same inputs, those behind the matrices before it as they are
/// stored, where the program runs the first pass over the whole model; `R` is searched so that the
/// mean of `log2(levels_j)` comes as near to ``bits`` as it can without passing it, where rounding
/// and the bound of 1 level move the program's mean; small losses are raised to ``floor`` of the
/// mean, where the program adds 1e-8 to all; columns have at most 256 levels; and ends of ranges
/// are rounded to 16 bits, as they are stored. Inputs that never occur get one level, that is 0,
/// and stay out of the means.
///
/// With a ``groupSize`` levels lie around 0 by a scale for each group of columns instead of over a
/// range for each row, which the paper does not do: scales are chosen from the original weights,
/// errors counting what they cost at their turn, and the features with the largest mean square are
/// rounded first, as in ``GPTQ``.
public struct BAQ: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "baq", title: "BAQ: bits by column",
        paper: Paper(
            title: "BAQ: Efficient Bit Allocation Quantization for Large Language Models",
            arXiv: "2506.05664", year: 2025),
        family: .bitAllocation, stage: .allocation, needs: [.calibrationData, .pretrainedModel],
        claims: [
            MethodClaim(
                id: "beats-gptq-at-2-bits",
                "At a mean of 2 bits perplexity is far below that of GPTQ with 2 bits everywhere.",
                published: PublishedFigure(
                    "up to 56 times lower perplexity, models of 125M to 30B", source: "abstract")),
            MethodClaim(
                id: "holds-at-3-bits",
                "At a mean of 3 bits it is at least as good as GPTQ with 3 bits everywhere.",
                published: PublishedFigure(
                    "about equal to GPTQ", source: "public reviews of the submission")),
            MethodClaim(
                id: "losses-even-out",
                "The columns of a matrix end with losses that are nearly equal."),
            MethodClaim(
                id: "gain-is-predicted",
                "The geometric over the arithmetic mean of the first pass's losses predicts by how "
                    + "much the sum of losses falls."),
            MethodClaim(
                id: "columns-matter",
                "With the same numbers of levels given to other columns the gain is lost."),
        ])

    /// The mean of `log2(levels)` over the columns of a matrix, 0 to 8.
    public var bits: Double

    /// How fast a column's loss falls with its bits, `th`; 2 in theory, 1.95 as measured.
    public var decay: Double

    /// The share of the mean second moment that is added to all of them.
    public var damping: Double

    /// The least loss of a column, as a share of the mean.
    public var floor: Double

    /// Columns that share a scale; nil for a range for each row.
    public var groupSize: Int?

    /// Creates the method with the paper's settings.
    public init(
        bits: Double = 2, groupSize: Int? = nil, decay: Double = 1.95, damping: Double = 0.01,
        floor: Double = 1e-8
    ) {
        precondition((0...8).contains(bits), "\(bits) are no bits of a column")
        precondition(decay > 0 && damping >= 0 && floor > 0, "settings are above 0")
        precondition(groupSize ?? 1 >= 1, "groups have columns")
        self.groupSize = groupSize
        self.bits = bits
        self.decay = decay
        self.damping = damping
        self.floor = floor
    }

    /// Second moments.
    public var inputDetail: InputStatistics.Detail { .gram }

    /// Stores one matrix; see `MatrixMethod.stored(_:inputs:pool:)`.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        guard let inputs else {
            throw .badStatistics("bits are allocated to columns by the inputs of the layer")
        }
        let engine = try engine(for: inputs, pool: pool)
        return try passes(weight, inputs: inputs, engine: engine, pool: pool).second.codes.stored()
    }
}

extension BAQ {
    /// Error compensation behind inputs, in the order in which columns are rounded.
    public func engine(
        for inputs: InputStatistics, pool: WorkerPool
    ) throws(QuantizationError) -> ErrorCompensation {
        try ErrorCompensation(
            inputs, damping: damping, order: groupSize == nil ? .natural : .activation, pool: pool)
    }

    /// What a pass over a matrix made of it.
    public struct Pass: Sendable {
        /// Levels, ranges and codes.
        public let codes: ColumnLevels
        /// What each column cost: the squared error of the layer's output per token, summed over
        /// rows.
        public let losses: [Double]

        /// The sum of what all columns cost.
        public var loss: Double { losses.reduce(0, +) }
    }

    /// Both passes over a matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]`.
    ///   - inputs: Of the layer, with second moments.
    ///   - engine: That of the inputs; may serve several layers that read the same.
    ///   - pool: The threads to use.
    public func passes(
        _ weight: any WeightMatrix, inputs: InputStatistics, engine: ErrorCompensation,
        pool: WorkerPool
    ) throws(QuantizationError) -> (first: Pass, second: Pass) {
        let first = try rounded(weight, levels: uniform(weight.columns), engine: engine, pool: pool)
        let levels = levels(for: first.losses, isLive: inputs.squareSums.map { $0 > 0 })
        return (first, try rounded(weight, levels: levels, engine: engine, pool: pool))
    }

    /// The levels of the first pass: the whole number nearest to `2^bits`, at least 2.
    public func uniform(_ columns: Int) -> [Int] {
        [Int](repeating: max(Int(exp2(bits).rounded()), 2), count: columns)
    }

    /// Numbers of levels with which all columns cost about the same (the formula of the type's
    /// comment).
    ///
    /// - Parameters:
    ///   - losses: What each column cost when all had the same width.
    ///   - isLive: Whether the column's input ever differs from 0; the others get one level.
    /// - Returns: 1 to 256 for each column; the mean of their logarithms over all columns is at
    ///   most ``bits``.
    public func levels(for losses: [Double], isLive: [Bool]) -> [Int] {
        precondition(losses.count == isLive.count, "a loss for each column")
        let live = losses.indices.filter { isLive[$0] }
        let means = means(live.map { losses[$0] })
        func levels(_ rate: Double) -> [Int] {
            losses.indices.map { column in
                guard isLive[column] else { return 1 }
                let share = max(losses[column], means.least) / means.geometric
                let exact = exp2(rate) * pow(share, 1 / decay)
                return Int(min(max(exact, 1), 256).rounded())
            }
        }
        // The mean rises with the rate, from 0 bits to 8.
        var (low, high) = (-64.0, 64.0)
        for _ in 0..<64 {
            let middle = (low + high) / 2
            if ColumnLevels.meanBits(levels(middle)) <= bits { low = middle } else { high = middle }
        }
        return levels(low)
    }

    /// By how much the sum of losses should fall: their geometric over their arithmetic mean, at
    /// most 1.
    ///
    /// - Parameter losses: Of columns whose inputs occur, all with the same width.
    public func predictedRatio(_ losses: [Double]) -> Double {
        let means = means(losses)
        return means.geometric / means.arithmetic
    }

    private func means(
        _ losses: [Double]
    ) -> (geometric: Double, arithmetic: Double, least: Double) {
        let count = Double(max(losses.count, 1))
        let plain = losses.reduce(0, +) / count
        let least = max(floor * plain, .leastNormalMagnitude)
        let logarithms = losses.reduce(0) { $0 + log(max($1, least)) }
        return (exp(logarithms / count), max(plain, least), least)
    }

    /// Rounds a matrix with a number of levels for each column.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]`.
    ///   - levels: 1 to 256 for each column.
    ///   - engine: Made of the layer's inputs.
    ///   - pool: The threads to use.
    public func rounded(
        _ weight: any WeightMatrix, levels: [Int], engine: ErrorCompensation, pool: WorkerPool
    ) throws(QuantizationError) -> Pass {
        let importance = groupSize == nil ? nil : engine.costsByColumn
        let row = ColumnLevels(levels: levels, rows: 1, groupSize: groupSize)
        let rows = Mutex([ColumnLevels](repeating: row, count: weight.rows))
        let losses = try engine.round(weight, groupSize: max(levels.count, 1), pool: pool) { _ in
            LevelColumns(columns: engine.columns, importance: importance, codes: row)
        } take: { row, quantizer in
            rows.withLock { $0[row] = quantizer.codes }
        }
        return Pass(
            codes: ColumnLevels(rows: rows.withLock { $0 }, like: row),
            losses: losses[...].byColumn(engine.columns))
    }
}

/// The columns of one row as codes of as many levels as the column has.
private struct LevelColumns: ColumnQuantizer {
    /// The columns by place.
    let columns: [Int]
    let importance: [Float]?
    /// Of this row alone.
    var codes: ColumnLevels
    private var grids: [ColumnLevels.Grid] = []

    init(columns: [Int], importance: [Float]?, codes: ColumnLevels) {
        self.columns = columns
        self.importance = importance
        self.codes = codes
    }

    mutating func begin(
        at place: Int, _ weights: ArraySlice<Float>
    ) throws(QuantizationError) {
        try codes.fit(weights.byColumn(columns)[...], row: 0, importance: importance)
        grids = codes.grids(row: 0)
    }

    mutating func round(_ weight: Float, at place: Int) -> Float {
        let column = columns[place]
        let code = grids[column].code(of: weight)
        codes.codes[column] = code
        return grids[column].value(of: code)
    }
}
