import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// A score of each matrix times the squared change of its weights as a share of their square,
/// counted by its share of the model's weights: `s · n / N · Σ d² / Σ w²`.
///
/// A score says how much a matrix matters and nothing of how it is stored; the rest makes a cost of
/// it. Where all matrices lose the same share to a width, bits go to the highest scores first.
public struct ScoredError: Sensitivity {
    /// The score of each matrix, at least 0.
    public let scores: [Role: Double]
    private let weightCount: Int

    /// Takes scores.
    ///
    /// - Parameters:
    ///   - scores: Of matrices, at least 0.
    ///   - weights: The model that they are of.
    public init(_ scores: [Role: Double], of weights: DecoderWeights) {
        precondition(scores.values.allSatisfy { $0 >= 0 }, "no score is below 0")
        self.scores = scores
        weightCount = weights.spec.slots.filter { $0.role.isPackable }.reduce(0) {
            $0 + $1.shape.reduce(1, *)
        }
    }

    /// A score times a share.
    public var unit: CostUnit { .scoredShare }

    /// What a change costs; 0 without a score.
    public func cost(of change: WeightChange) -> Double {
        let site = change.site
        let size = Double(site.original.squared().sum().item)
        guard let score = scores[site.role], size > 0 else { return 0 }
        let count = Double(site.original.count * site.rowStep) / Double(max(weightCount, 1))
        return score * count * Double(change.difference.squared().sum().item) / size
    }
}

extension ScoredError {
    /// Takes scores of blocks.
    ///
    /// They are `1 − cos` of the residual stream before and after a block (LIM), or 1 less the share
    /// of weights far above the mean (ZD). Embedding and head, which the paper leaves, have the mean
    /// of all blocks.
    ///
    /// Source: `LayerwiseQuant`, arXiv:2406.17415, section 3.
    ///
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that the model cannot read.
    public init(
        _ score: LayerwiseQuant.Score, of weights: DecoderWeights, text: CalibrationText,
        pool: WorkerPool
    ) throws(CompressionError) {
        let found: [Double]
        do {
            found = try LayerwiseQuant(score: score).importance(
                of: weights, reading: text.sequences, pool: pool)
        } catch {
            throw .badCalibration(error.description)
        }
        // Both are at least −1, but for rounding.
        let blocks = found.map { max(1 + $0, 0) }
        let mean = blocks.reduce(0, +) / Double(max(blocks.count, 1))
        let roles = weights.spec.slots.map(\.role).filter(\.isPackable)
        self.init(
            Dictionary(
                uniqueKeysWithValues: roles.map { role in
                    (role, role.block.map { blocks[$0] } ?? mean)
                }),
            of: weights)
    }

    /// Takes for a matrix's score the entropy of its codes in bits, each row rounded to 16 levels.
    ///
    /// Source: D. Bablani, J. McKinstry, S. Esser, R. Appuswamy and D. Modha, "Efficient and
    /// Effective Methods for Mixed Precision Neural Network Quantization for Faster,
    /// Energy-efficient Inference" (EAGL), arXiv:2301.13330, section 3, which takes the codes of a
    /// network that was trained with them.
    ///
    /// - Throws: ``CompressionError/cannotQuantize(matrix:reason:)`` for weights that are no numbers.
    public init(
        entropyOf weights: DecoderWeights, pool: WorkerPool
    ) throws(CompressionError) {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 4, symmetric: true), granularity: .channel,
            scaleFormat: .float32, search: .absmax)
        var scores: [Role: Double] = [:]
        for slot in weights.spec.slots where slot.role.isPackable {
            do throws(QuantizationError) {
                let packed = try RoundToNearest().quantize(
                    weights.matrix(slot.role), scheme: scheme, inputs: nil, pool: pool)
                scores[slot.role] = Self.entropy(
                    PackedCodes.unpack(
                        packed.parts.codes, rows: packed.rows, columns: packed.columns, bits: 4))
            } catch {
                throw .cannotQuantize(matrix: "\(slot.role)", reason: error.description)
            }
        }
        self.init(scores, of: weights)
    }

    /// `−Σ p·log2 p` over how often each code occurs, bits.
    private static func entropy(_ codes: [UInt8]) -> Double {
        var counts = [Int](repeating: 0, count: 256)
        for code in codes { counts[Int(code)] += 1 }
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / Double(codes.count)
            return sum - share * log2(share)
        }
    }
}
