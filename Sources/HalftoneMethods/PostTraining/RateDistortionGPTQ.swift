import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Error compensation onto codes that an entropy coder makes few bytes of: each row has the step that its
/// outputs are worth, and each code is the one that is worth its bits.
///
/// Where codes are coded, a weight takes as many bits as its code has to say, and no row or group has to
/// fit a number of levels. With `w` what a squared change of a row's output costs, `d` the mean cost of
/// its columns at their turn (``ErrorCompensation/costs``) and `Δ` its step, a weight costs
/// `w·d·Δ²/12` and takes `h − log₂ Δ` bits: the sum of both is least where `w·d·Δ²` is the same for all
/// rows of a model, the ``distortion``. Codes are then chosen by `(x/Δ − q)² + slope · (d/d_j) · bits(q)`,
/// with the bits of `q` from how often it would be the nearest.
///
/// Source: the steps are reverse water-filling, T. Cover and J. Thomas, "Elements of Information Theory",
/// section 10.3.3, at high rates; choosing codes by their bits is that of entropy-constrained scalar
/// quantization, P. Chou, T. Lookabaugh and R. Gray, "Entropy-constrained vector quantization", IEEE
/// Transactions on Acoustics, Speech, and Signal Processing 37 (1989), equation 3, within
/// arXiv:2210.17323, Algorithm 1.
public struct RateDistortionGPTQ: WeightMethod {
    /// `w·d·Δ²` of all rows: of what costs are measured in, 12 times what a weight is to cost.
    public var distortion: Double

    /// What a bit counts beside the squared error of a code, in squared steps; at high rates 0.1155,
    /// `2 ln 2 / 12`, is best.
    public var slope: Double

    /// The share of the mean second moment that is added to all of them.
    public var damping: Double

    /// Creates the method.
    public init(distortion: Double, slope: Double = 0.1, damping: Double = 0.01) {
        precondition(distortion > 0 && distortion.isFinite && slope >= 0)
        (self.distortion, self.slope, self.damping) = (distortion, slope, damping)
    }

    /// Second moments; what outputs count beside them.
    public var inputDetail: InputStatistics.Detail { .gram }

    /// The method with the factor of the inputs' second moments.
    public func prepared(
        for inputs: InputStatistics, pool: WorkerPool
    ) throws(QuantizationError) -> any WeightMethod {
        PreparedRateDistortion(
            method: self,
            engine: try ErrorCompensation(
                inputs, damping: damping, order: .activation, pool: pool))
    }

    /// Quantizes one matrix with a scale for each row; see
    /// `WeightMethod.quantize(_:scheme:inputs:pool:)`.
    ///
    /// Without inputs weights are rounded to nearest.
    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        guard let inputs else {
            return try RoundToNearest().quantize(weight, scheme: scheme, pool: pool)
        }
        return try prepared(for: inputs, pool: pool).quantize(
            weight, scheme: scheme, inputs: inputs, pool: pool)
    }
}

extension RateDistortionGPTQ {
    /// What an error of each column costs at its turn on other text, by place in the order.
    ///
    /// Each column is made up for by those behind it as the text says, which is a regression: with `n`
    /// independent tokens and `k` columns it leaves `(n − k)/n` of what is left on a text without end, and
    /// `n/(n − k)` of that on other text. Tokens of a text depend on each other: two fifths of them
    /// explain what was measured of SmolLM2-135M, where errors on other text cost 1.6 times what a
    /// text of 4,096 tokens says for 576 columns, and 2.7 times for 1,536. Few tokens make steps larger
    /// otherwise, and the more so the wider a matrix is. With fewer such tokens than twice the columns nothing is
    /// known: each of the two factors is at most 2.
    ///
    /// - Parameters:
    ///   - costs: As the text says (``ErrorCompensation/costs``).
    ///   - tokens: Of the text; one stands for moments that are known.
    ///   - others: Of the text that columns will be made up for by, where that is another one.
    public static func expectedCosts(
        _ costs: [Float], tokens: Int, readingLater others: Int? = nil
    ) -> [Float] {
        guard tokens > 1 else { return costs }
        /// `(n − k)/n` for the columns behind a place.
        func left(_ tokens: Int, _ place: Int) -> Double {
            max(1 - Double(costs.count - 1 - place) / (0.4 * Double(tokens)), 0.5)
        }
        return costs.enumerated().map { place, cost in
            Float(Double(cost) / left(tokens, place) / left(others ?? tokens, place))
        }
    }

    /// What is expected of the errors of a matrix's columns, mean over columns.
    public struct ExpectedErrors: Sendable, Hashable, Codable {
        /// What a squared error costs at its turn on other text, in squared output for each token.
        public var cost: Double
        /// As `ColumnErrors.handedOn`.
        public var handedOn: Double

        /// What is expected of errors that do so on a text; see
        /// ``RateDistortionGPTQ/expectedCosts(_:tokens:readingLater:)``.
        public init(_ errors: ColumnErrors, tokens: Int, readingLater others: Int? = nil) {
            let costs = expectedCosts(errors.costs, tokens: tokens, readingLater: others)
            cost = costs.reduce(0) { $0 + Double($1) } / Double(max(costs.count, 1))
            handedOn = errors.handedOn
        }
    }

    /// About the bits that the codes of a matrix take when they are coded, without finding them: the
    /// entropy of some rows of it, made as much wider as by what columns hand on.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]`.
    ///   - errors: What is expected of its columns.
    ///   - worth: What a squared change of each output costs; nil for 1.
    ///   - scheme: How codes are stored.
    ///   - sample: Rows that are read, about.
    public func expectedBits(
        of weight: any WeightMatrix, errors: ExpectedErrors, worth: [Float]?,
        scheme: WeightScheme, sample: Int = 64
    ) -> Double {
        let rule = StepRule(self, columnCost: errors.cost, worth: worth, scheme: scheme)
        var counts = rule.noCodes
        var rows: [[Float]] = []
        var values = [Float](repeating: 0, count: weight.columns)
        for row in stride(from: 0, to: weight.rows, by: max(1, weight.rows / sample)) {
            weight.decode(row: row, into: &values)
            let step = rule.step(of: values, row: row)
            // Rounding says what is wrong with other numbers.
            guard step.isFinite, values.allSatisfy(\.isFinite) else { continue }
            rule.count(values, step: step, in: &counts)
            rows.append(values.map { $0 / step })
        }
        let choice = rule.choice(counts)
        let sum = rows.reduce(0.0) { sum, row in
            let (error, square) = row.reduce((0.0, 0.0)) { sum, value in
                let size = value.magnitude
                let left = Double(size) - Double(choice.code(for: size, slope: Float(slope)))
                return (sum.0 + left * left, sum.1 + Double(size * size))
            }
            let wider = Float((1 + errors.handedOn * error / max(square, 1e-300)).squareRoot())
            var counts = [Int](repeating: 0, count: rule.zero)
            for value in row {
                counts[choice.code(for: value.magnitude * wider, slope: Float(slope))] += 1
            }
            return sum + Self.entropy(counts)
        }
        return sum / Double(max(rows.count, 1)) * Double(weight.rows)
    }

    /// What codes of a row have to say, by how often each distance from zero occurs; signs are as likely as
    /// not.
    ///
    /// Few codes look more alike than they are, by `1 / 2 ln 2` for each value but one (G. Miller, "Note on
    /// the bias of information estimates", 1955).
    private static func entropy(_ counts: [Int]) -> Double {
        let all = Double(counts.reduce(0, +))
        let used = counts.enumerated().filter { $0.element > 0 }
        let bits = used.reduce(0.0) { sum, one in
            sum + Double(one.element) * (log2(all / Double(one.element)) + (one.offset > 0 ? 1 : 0))
        }
        return bits + Double(max(2 * used.count - 2, 0)) / (2 * log(2))
    }
}

/// How the step of a row follows from what it is worth, and how many bits codes have to say.
private struct StepRule {
    private let wanted: (Int) -> Double
    private let codec: ScaleCodec
    /// The code of zero, which is also the largest distance from it, less one.
    let zero: Int
    /// Codes that are worth their bits are nearer to zero than the nearest: about so much.
    private let deadZone: Float

    init(
        _ method: RateDistortionGPTQ, columnCost: Double, worth: [Float]?, scheme: WeightScheme
    ) {
        zero = 1 << (scheme.format.bits - 1)
        codec = ScaleCodec(scheme.scaleFormat)
        deadZone = method.slope > 0 ? 0.1 : 0
        wanted = { row in
            method.distortion / max(columnCost * Double(worth?[row] ?? 1), 1e-300)
        }
    }

    /// The step of a row, as it is stored.
    func step(of values: [Float], row: Int) -> Float {
        let largest = values.reduce(0) { max($0, $1.magnitude) }
        // Neither so small that codes do not reach the largest weight, nor larger than that.
        let least = max(largest / (Float(zero) - 1), 0x1p-14)
        let step = max(Float(wanted(row).squareRoot()), least)
        return codec.nearest(min(step, max(2 * largest, 0x1p-14)))
    }

    /// How often codes of each distance from zero occur, before any is counted: once, so that none takes
    /// bits without end.
    var noCodes: [Int] { [Int](repeating: 1, count: zero + 1) }

    /// Counts the codes of a row.
    func count(_ values: [Float], step: Float, in counts: inout [Int]) {
        for value in values {
            let size = (value.magnitude / step + 0.5 - deadZone).rounded(.down)
            counts[min(max(Int(size), 0), zero)] += 1
        }
    }

    /// How codes are chosen that are about so frequent.
    func choice(_ counts: [Int]) -> CodeChoice {
        let all = Float(counts.reduce(0, +))
        return CodeChoice(
            bits: counts.enumerated().map { size, count in
                -log2(Float(count) / all) + (size > 0 ? 1 : 0)
            }, most: Float(zero) - 1)
    }
}

/// The code that is worth its bits.
private struct CodeChoice: Sendable {
    /// Of a code by its distance from zero.
    let bits: [Float]
    /// The largest code.
    let most: Float

    /// The distance from zero of the code for a magnitude in steps.
    ///
    /// - Parameters:
    ///   - magnitude: In steps.
    ///   - slope: What a bit counts, in squared steps.
    func code(for magnitude: Float, slope: Float) -> Int {
        let wanted = min(magnitude, most)
        // Adding and subtracting 1.5 · 2²³ rounds to the nearest even integer.
        let near = (wanted + 0x1.8p23) - 0x1.8p23
        guard near > 0 else { return 0 }
        func cost(_ code: Float) -> Float {
            (wanted - code) * (wanted - code) + slope * bits[Int(code)]
        }
        var best = near
        if cost(near - 1) < cost(best) { best = near - 1 }
        if cost(0) < cost(best) { best = 0 }
        return Int(best)
    }
}

/// The method whose factor is there.
private struct PreparedRateDistortion: WeightMethod {
    let method: RateDistortionGPTQ
    let engine: ErrorCompensation

    var inputDetail: InputStatistics.Detail { method.inputDetail }

    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        let (rows, columns) = (weight.rows, weight.columns)
        guard scheme.granularity == .channel, scheme.format.isSymmetric, scheme.format.bits > 1,
            !scheme.scaleFormat.hasFactor
        else { throw .badForm("\(scheme) has no step of its own for each row") }
        let grid = try RowGrid(
            weight,
            costs: RateDistortionGPTQ.expectedCosts(
                engine.costs, tokens: inputs?.tokenCount ?? 1),
            worth: inputs?.outputWorth, scheme: scheme, method: method)
        let bits = scheme.format.bits
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: bits)
        let all = Mutex([UInt8](repeating: 0, count: rows * rowBytes))
        _ = try engine.round(weight, groupSize: max(columns, 1), pool: pool) { row in
            GridColumns(grid: grid, step: grid.steps[row], columns: engine.columns)
        } take: { row, quantizer in
            let packed = PackedCodes.pack(
                codes: quantizer.codes, rows: 1, columns: columns, bits: bits)
            all.withLock {
                $0.replaceSubrange(row * rowBytes..<(row + 1) * rowBytes, with: packed)
            }
        }
        return try QuantizedTensor(
            rows: rows, columns: columns, scheme: scheme,
            parts: QuantizedTensor.StoredParts(
                codes: Bytes(all.withLock { $0 }),
                scales: ScaleCodec(scheme.scaleFormat).encode(grid.steps), scaleFactor: nil,
                zeroPoints: nil))
    }
}

/// The steps of a matrix's rows, and what codes take.
private struct RowGrid: Sendable {
    /// Of each row, as it is stored.
    let steps: [Float]
    /// What a bit counts in squared steps, by place in the order of rounding.
    let slopes: [Float]
    /// How codes are chosen.
    let choice: CodeChoice
    /// The code of zero.
    let zero: Int

    init(
        _ weight: any WeightMatrix, costs: [Float], worth: [Float]?, scheme: WeightScheme,
        method: RateDistortionGPTQ
    ) throws(QuantizationError) {
        let mean = costs.reduce(0) { $0 + Double($1) } / Double(max(costs.count, 1))
        precondition(worth.map { $0.count == weight.rows } ?? true, "outputs have a worth each")
        let rule = StepRule(method, columnCost: mean, worth: worth, scheme: scheme)
        zero = rule.zero
        var (steps, counts) = ([Float](), rule.noCodes)
        var values = [Float](repeating: 0, count: weight.columns)
        let sampled = max(1, weight.rows / 512)
        for row in 0..<weight.rows {
            weight.decode(row: row, into: &values)
            try RowPlan.checkFinite(values, row: row, columns: values.count)
            let step = rule.step(of: values, row: row)
            guard step.isFinite else {
                throw .scaleTooLarge(row: row, column: 0, scale: step, format: scheme.scaleFormat)
            }
            steps.append(step)
            if row.isMultiple(of: sampled) { rule.count(values, step: step, in: &counts) }
        }
        self.steps = steps
        slopes = costs.map { cost in
            Float(method.slope) * min(Float(mean) / max(cost, .leastNormalMagnitude), 16)
        }
        choice = rule.choice(counts)
    }
}

/// The columns of one row as codes that are worth their bits.
private struct GridColumns: ColumnQuantizer {
    private let grid: RowGrid
    private let step: Float
    private let inverse: Float
    private let columns: [Int]
    private(set) var codes: [UInt8]

    init(grid: RowGrid, step: Float, columns: [Int]) {
        (self.grid, self.step, self.columns) = (grid, step, columns)
        inverse = 1 / step
        codes = [UInt8](repeating: UInt8(grid.zero), count: columns.count)
    }

    mutating func begin(at place: Int, _ weights: ArraySlice<Float>) {}

    mutating func round(_ weight: Float, at place: Int) -> Float {
        let size = grid.choice.code(for: weight.magnitude * inverse, slope: grid.slopes[place])
        let signed = weight < 0 ? -size : size
        codes[columns[place]] = UInt8(grid.zero + signed)
        return Float(signed) * step
    }
}
