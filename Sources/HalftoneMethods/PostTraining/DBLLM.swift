import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Writes two-bit weights as two planes of bits with a scale each, and distils the scales.
///
/// A weight is `a₁·b₁ + a₂·b₂` with `b₁`, `b₂` in {0, 1}: four levels `a₂, 0, a₁ + a₂, a₁` that need
/// not be evenly spaced, in planes that are zero for the larger part. Scales start at `2s` and `−s`
/// and are fitted here to the weights, then to what the layer gives for calibration text;
/// ``distilled(_:of:texts:settings:progress:)`` trains them further against the float model.
///
/// Source: H. Chen et al., "DB-LLM: Accurate Dual-Binarization for Efficient LLMs", ACL Findings
/// 2024, arXiv:2402.11960, section 3.2. Departs from it where scales start: the paper trains from
/// `2s` and `−s` on (``Fit/tied``), here they are fitted in closed form first. All signs of a group
/// may be turned over, which its scales show.
public struct DBLLM: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "db-llm", title: "DB-LLM",
        paper: Paper(
            title: "DB-LLM: Accurate Dual-Binarization for Efficient LLMs", arXiv: "2402.11960",
            year: 2024),
        family: .postTraining, stage: .weightRounding,
        needs: [.pretrainedModel, .calibrationData, .gradients],
        claims: [
            MethodClaim(
                id: "two-scales-fit-better",
                "On normal weights two free scales leave less error than the levels −s, 0, s, 2s: "
                    + "0.139 of the variance, and not 0.149.",
                published: PublishedFigure(
                    "0.149 and 0.139", source: "derived for the normal distribution")),
            MethodClaim(
                id: "planes-are-sparse", "Both planes hold many zeros, which a kernel can skip.",
                published: PublishedFigure(
                    "20 % less computation than earlier methods at equal bits",
                    source: "the paper's abstract")),
            MethodClaim(
                id: "beats-rounding",
                "Without training, planes are better than 2-bit rounding with as many bits for "
                    + "scales.",
                published: PublishedFigure(
                    "WikiText-2 perplexity 7.23 against 9.64 (LLaMA, 2-bit weights, trained)",
                    source: "the paper's abstract")),
            MethodClaim(
                id: "distillation-helps",
                "Training nothing but the scales against the float model's predictions brings the "
                    + "two closer."),
            MethodClaim(
                id: "deviation-aware",
                "Weighing tokens by entropy is better than weighing all alike."),
            MethodClaim(
                id: "ambiguous-tokens",
                "The gain from weighing is on tokens where the float model is least certain."),
        ])

    /// How scales are found without training.
    public enum Fit: String, Sendable, CaseIterable, Codable {
        /// `2s` and `−s` with the `s` of least squares: where the paper starts.
        case tied
        /// The two scales of least squares.
        case weights
        /// From there, the scales of all groups of a row that change the layer's output least.
        case outputs
    }

    /// Weights along a row that share two scales.
    public var groupSize: Int

    /// How scales are found.
    public var fit: Fit

    /// Turns of scales and planes, at most, with ``Fit/outputs``.
    public var turns = 6

    /// The share of the mean of the diagonal that is added to second moments.
    public var damping = 0.01

    /// Creates the method with the paper's groups.
    public init(groupSize: Int = 64, fit: Fit = .outputs) {
        precondition(groupSize >= 1, "groups have weights")
        self.groupSize = groupSize
        self.fit = fit
    }

    /// Second moments for ``Fit/outputs``, nothing for the others.
    public var inputDetail: InputStatistics.Detail { fit == .outputs ? .gram : .none }

    /// Stores one matrix; without inputs by its weights alone.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        let (rows, columns) = (weight.rows, weight.columns)
        let values = weight.decoded()
        try RowPlan.checkFinite(values, row: 0, columns: columns)
        var planes = try tied(values, rows: rows, columns: columns)
        if fit != .tied {
            let free = try StoredMatrix(
                values, rows: rows, columns: columns, form: .dualBinary(.group(groupSize)))
            try planes.adopt(scalesOf: free, rounding: values)
        }
        if fit == .outputs, let gram = inputs?.gram, let count = inputs?.tokenCount, count > 0 {
            let moments = damped(gram, perToken: 1 / Double(count))
            planes = fitted(planes, to: values, moments: moments, pool: pool)
        }
        return try planes.stored()
    }

    /// The planes of `2s` and `−s`.
    private func tied(
        _ values: [Float], rows: Int, columns: Int
    ) throws(QuantizationError) -> DualBinaryPlanes {
        let levels = NumberFormat(.codebook(.dualBinary(first: 2, second: -1)))
        let finder = ScaleFinder(levels, scales: ScaleCodec(.float16))
        let groups = Granularity.group(groupSize).groupsPerRow(inFeatures: columns)
        var scales: [Float] = []
        for group in 0..<rows * groups {
            let (row, part) = group.quotientAndRemainder(dividingBy: groups)
            let first = row * columns + part * groupSize
            let end = min(first + groupSize, (row + 1) * columns)
            let scale = finder.choice(values[first..<end], by: .leastError).scale
            guard scale.isFinite else {
                throw .scaleTooLarge(
                    row: row, column: part * groupSize, scale: scale, format: .float16)
            }
            scales.append(scale)
        }
        return DualBinaryPlanes(
            rounding: values, rows: rows, columns: columns, groupSize: groupSize,
            first: scales.map { 2 * $0 }, second: scales.map { -$0 })
    }

    private func damped(_ gram: GramSum, perToken: Double) -> DenseMatrix<Double> {
        var moments = DenseMatrix(
            rows: gram.width, columns: gram.width,
            elements: gram.symmetric().map { Double($0) * perToken })
        let sum = (0..<gram.width).reduce(0.0) { $0 + moments[$1, $1] }
        let added = damping * sum / Double(max(gram.width, 1)) + .leastNormalMagnitude
        for index in 0..<gram.width { moments[index, index] += added }
        return moments
    }
}

extension DBLLM {
    /// Takes turns: the scales of a row that change its output least, then the nearest levels, as
    /// long as the output's error falls and the levels keep their order.
    private func fitted(
        _ planes: DualBinaryPlanes, to values: [Float], moments: DenseMatrix<Double>,
        pool: WorkerPool
    ) -> DualBinaryPlanes {
        let columns = planes.columns
        let found = Mutex([DualBinaryPlanes?](repeating: nil, count: planes.rows))
        pool.split(planes.rows, grain: 8) { range in
            for row in range {
                let own = Array(values[row * columns..<(row + 1) * columns])
                let best = fittedRow(planes.row(row), to: own, moments)
                found.withLock { $0[row] = best }
            }
        }
        var result = planes
        for (row, best) in found.withLock({ $0 }).enumerated() {
            if let best { result.setRow(row, to: best) }
        }
        return result
    }

    private func fittedRow(
        _ start: DualBinaryPlanes, to values: [Float], _ moments: DenseMatrix<Double>
    ) -> DualBinaryPlanes {
        let count = start.first.count
        var best = (error: Double.infinity, planes: start)
        var planes = start
        for _ in 0..<turns {
            // With error e = w − Z·a: eᵀHe = wᵀHw − 2 aᵀ(ZᵀHw) + aᵀ(ZᵀHZ)a; the first is the same
            // for all.
            let (matrix, vector) = Self.normalEquations(planes, values, moments)
            func error(_ planes: DualBinaryPlanes) -> Double {
                let scales = (planes.first + planes.second).map { Double($0) }
                var sum = 0.0
                for (row, scale) in scales.enumerated() {
                    sum -= 2 * scale * vector[row, 0]
                    for (column, other) in scales.enumerated() {
                        sum += scale * other * matrix[row, column]
                    }
                }
                return sum
            }
            let before = error(planes)
            guard before < best.error else { break }
            best = (before, planes)
            guard let solved = try? matrix.solve(vector) else { break }
            let scales = solved.elements.map { Float($0) }
            var next = planes
            guard next.setScales(Array(scales[..<count]), Array(scales[count...])) else { break }
            let after = error(next)
            guard after < before else { break }
            best = (after, next)
            planes = next
            planes.round(values)
        }
        return best.planes
    }

    /// `ZᵀHZ` and `ZᵀHw` of a row, where the columns of `Z` are its planes cut into groups.
    private static func normalEquations(
        _ planes: DualBinaryPlanes, _ values: [Float], _ moments: DenseMatrix<Double>
    ) -> (DenseMatrix<Double>, DenseMatrix<Double>) {
        let (count, width) = (planes.first.count, planes.columns)
        var bits = DenseMatrix<Double>(rows: width, columns: 2 * count)
        for (column, code) in planes.codes.enumerated() {
            let group = column / planes.groupSize
            if code & 1 != 0 { bits[column, group] = 1 }
            if code & 2 != 0 { bits[column, count + group] = 1 }
        }
        // Planes without a bit would leave their scale open.
        let products = moments.product(bits)
        var matrix = bits.product(products, transposed: true)
        for index in 0..<2 * count where matrix[index, index] == 0 { matrix[index, index] = 1 }
        let weights = DenseMatrix(
            rows: width, columns: 1, elements: values.map { Double($0) })
        return (matrix, products.product(weights, transposed: true))
    }
}
