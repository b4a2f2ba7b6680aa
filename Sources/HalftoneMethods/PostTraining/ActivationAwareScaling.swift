import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Synchronization

/// Finds what the channels of a layer's inputs are divided by, so that the weights that matter most
/// are rounded with the least error.
public protocol ScaleFactorSearch: Sendable {
    /// What the search wants to know of inputs.
    var inputDetail: InputStatistics.Detail { get }

    /// Looks for the factors of a place.
    ///
    /// - Parameters:
    ///   - readers: The matrices that read the inputs, `[rows, width]` each.
    ///   - scheme: What they will be stored as.
    ///   - inputs: What flows into them in the float model.
    ///   - shared: Channels that have to have the same factor, if some have.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Returns: A factor above 0 for each channel, or nil when 1 for all is best.
    func factors(
        for readers: [any WeightMatrix], scheme: WeightScheme, inputs: InputStatistics,
        shared: [[Int]]?, pool: WorkerPool
    ) throws(QuantizationError) -> [Float]?
}

/// Factors that are a power of the mean magnitude of each channel, the same power for a place:
/// of some tried, that with which the layer's outputs change least when weights are rounded to
/// nearest.
///
/// Source: J. Lin et al., "AWQ: Activation-aware Weight Quantization", MLSys 2024,
/// arXiv:2306.00978, equation 5; powers 0 to 0.95 and the division by the root of the largest times
/// the least factor as in the authors' program. Departs from it in two places: errors are those of
/// the layers' own outputs, computed from second moments rather than from outputs of whole modules,
/// and the clipping search is left to the scheme's search for scales.
public struct ActivationAwareScaling: ScaleFactorSearch {
    /// Powers that are tried, evenly spaced from 0 up to but not including 1.
    public var powers: Int

    /// Rows of a matrix that are looked at, at most, evenly spread.
    public var rowLimit: Int

    /// Creates the search.
    public init(powers: Int = 20, rowLimit: Int = 256) {
        precondition(powers > 0 && rowLimit > 0, "a power is tried on a row")
        self.powers = powers
        self.rowLimit = rowLimit
    }

    /// Second moments.
    public var inputDetail: InputStatistics.Detail { .gram }

    /// Tries all powers.
    ///
    /// - Complexity: ``powers`` · rows · width² multiplications and additions.
    public func factors(
        for readers: [any WeightMatrix], scheme: WeightScheme, inputs: InputStatistics,
        shared: [[Int]]?, pool: WorkerPool
    ) throws(QuantizationError) -> [Float]? {
        guard let gram = inputs.gram, inputs.tokenCount > 0 else {
            throw .badStatistics("the search for factors needs second moments of the inputs")
        }
        let width = inputs.width
        let moments = gram.symmetric()
        let trial = ScalingTrial(
            rows: try sample(readers, width: width), width: width, scheme: scheme,
            moments: DenseMatrix(rows: width, columns: width, elements: moments.array))
        var magnitudes = inputs.meanMagnitudes
        for channels in shared ?? [] {
            let most = channels.map { magnitudes[$0] }.max() ?? 0
            for channel in channels { magnitudes[channel] = most }
        }
        let candidates = (0..<powers).map { index in
            Self.factors(magnitudes, power: Float(index) / Float(powers))
        }
        let losses = try trial.losses(candidates, pool)
        let best = losses.indices.min { losses[$0] < losses[$1] } ?? 0
        return best == 0 ? nil : candidates[best]
    }

    /// `m^power`, over the root of the largest times the least.
    static func factors(_ magnitudes: [Float], power: Float) -> [Float] {
        let raw = magnitudes.map { max(pow($0, power), 1e-4) }
        let middle = ((raw.max() ?? 1) * (raw.min() ?? 1)).squareRoot()
        return raw.map { $0 / middle }
    }

    /// Rows of all readers, evenly spread over each.
    private func sample(
        _ readers: [any WeightMatrix], width: Int
    ) throws(QuantizationError) -> [Float] {
        var rows: [Float] = []
        for reader in readers {
            precondition(reader.columns == width, "the statistics are of this layer's inputs")
            let count = min(rowLimit, reader.rows)
            var values = [Float](repeating: 0, count: width)
            for index in 0..<count {
                let row = index * reader.rows / count
                reader.decode(row: row, into: &values)
                try RowPlan.checkFinite(values, row: row, columns: width)
                rows += values
            }
        }
        return rows
    }
}

/// Measures what rounding with factors does to some rows' outputs.
private struct ScalingTrial {
    let rows: [Float]
    let width: Int
    let scheme: WeightScheme
    let moments: DenseMatrix<Float>

    /// For each candidate the sum over rows of `δ·M·δᵀ`, with `δ` a row's error.
    func losses(
        _ candidates: [[Float]], _ pool: WorkerPool
    ) throws(QuantizationError) -> [Double] {
        let results = Mutex([Double](repeating: 0, count: candidates.count))
        try pool.splitRows(candidates.count, grain: 1) { range throws(QuantizationError) in
            for index in range {
                let loss = try loss(candidates[index])
                results.withLock { $0[index] = loss }
            }
        }
        return results.withLock { $0 }
    }

    private func loss(_ factors: [Float]) throws(QuantizationError) -> Double {
        var plain = scheme
        plain.search = .absmax
        let count = rows.count / width
        let rounded = try RoundToNearest().rounded(
            rows, columns: width, scaledBy: factors, scheme: plain, pool: WorkerPool(threads: 1))
        let errors = zip(rounded, rows).map { $0 - $1 }
        let difference = DenseMatrix(rows: count, columns: width, elements: errors)
        let product = difference.product(moments)
        return zip(product.elements, difference.elements).reduce(0) {
            $0 + Double($1.0) * Double($1.1)
        }
    }
}

extension RoundToNearest {
    /// What rows become when each column is multiplied by a factor, rounded and divided again.
    ///
    /// - Parameters:
    ///   - values: `[rows, columns]`, finite.
    ///   - columns: Above 0.
    ///   - factors: For each column, not 0; nil for 1.
    func rounded(
        _ values: [Float], columns: Int, scaledBy factors: [Float]?, scheme: WeightScheme,
        pool: WorkerPool
    ) throws(QuantizationError) -> [Float] {
        var values = values
        if let factors { for index in values.indices { values[index] *= factors[index % columns] } }
        let matrix = Tensor(shape: [values.count / columns, columns], elements: values)
        var rounded = try quantize(matrix.weightMatrix(), scheme: scheme, pool: pool)
            .matrix.decoded()
        if let factors {
            for index in rounded.indices { rounded[index] /= factors[index % columns] }
        }
        return rounded
    }
}
