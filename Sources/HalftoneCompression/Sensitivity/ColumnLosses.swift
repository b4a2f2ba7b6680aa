import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor
import Synchronization

/// What columns cost under error compensation, foretold for all widths by one pass with 2 bits:
/// `Σ_j L_j · 2^(−th·(b − 2)) / Σ_r w_r·M·w_rᵀ` over the columns *j* that get codes of `b` bits.
///
/// A column's loss `L_j` is counted at its turn, when later columns can still make up for it, so
/// that losses of a layer's columns add up to what all of them cost. Where each column may get bits
/// of its own, the sum is least when all losses are equal.
///
/// Source: "BAQ: Efficient Bit Allocation Quantization for Large Language Models",
/// arXiv:2506.05664, section 3; the passes are those of `BAQ`.
public final class ColumnLosses: Sensitivity {
    private let method: BAQ
    private let pool: WorkerPool
    private let known = Mutex<(key: Key, losses: [Double])?>(nil)

    /// Which rows of which matrix.
    private struct Key: Equatable {
        var role: Role
        var rows: Range<Int>
    }

    /// Describes the measure.
    ///
    /// - Parameters:
    ///   - method: Its bits, groups and decay are those of the pass.
    ///   - pool: The threads to use.
    public init(_ method: BAQ = BAQ(), pool: WorkerPool) {
        self.method = method
        self.pool = pool
    }

    /// A share of the outputs' square.
    public var unit: CostUnit { .outputShare }

    /// What a change costs.
    ///
    /// - Throws: ``CompressionError/badSensitivity(_:)`` for bit planes.
    public func cost(of change: WeightChange) throws(CompressionError) -> Double {
        let site = change.site
        var key = Key(role: site.role, rows: 0..<site.matrix.rows)
        var columns = 0..<site.matrix.columns
        switch change.slice {
        case .whole: break
        case .rows(let range): key.rows = range
        case .columns(let range): columns = range
        case .plane: throw .badSensitivity("column losses are of widths and not of bit planes")
        }
        let size = Double(site.squares(site.original).sum().item)
        guard size > 0 else { return 0 }
        let lost = try losses(key, site)[columns].reduce(0, +)
        let bits = change.packing.codeBits - log2(method.uniform(1).map(Double.init)[0])
        return lost * exp2(-method.decay * bits) / size
    }

    /// What each column costs with the bits of the pass.
    private func losses(_ key: Key, _ site: WeightSite) throws(CompressionError) -> [Double] {
        if let known = known.withLock({ $0 }), known.key == key { return known.losses }
        do throws(QuantizationError) {
            let inputs = site.inputs ?? Self.even(site.matrix.columns)
            let found = try method.rounded(
                site.matrix.gatheringRows(Array(key.rows)),
                levels: method.uniform(site.matrix.columns),
                engine: try method.engine(for: inputs, pool: pool), pool: pool
            ).losses
            known.withLock { $0 = (key, found) }
            return found
        } catch {
            throw .cannotQuantize(matrix: "\(site.role)", reason: error.description)
        }
    }

    /// Inputs that all count alike.
    private static func even(_ width: Int) -> InputStatistics {
        let unit = (0..<width * width).map { Float($0 / width == $0 % width ? 1 : 0) }
        return InputStatistics(
            moments: GramSum(width: width, elements: FloatArray(unit)), tokenCount: 1)
    }
}

extension WeightPacking {
    /// Bits of a code, those of a block's scales left out as far as they are a fraction.
    fileprivate var codeBits: Double {
        switch self {
        case .codes(let scheme): Double(scheme.format.bits)
        case .blocks(let type): type.bitsPerWeight.rounded(.down)
        }
    }
}
