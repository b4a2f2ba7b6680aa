import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// Outlier channels in a model that has none, without a change of what it computes: some channels
/// of each normalization's gain become larger and the columns that read them smaller.
package struct PlantedOutliers: Sendable {
    /// Channels of each normalization.
    package var channels: Int

    /// How many times larger they become.
    package var factor: Float

    /// Describes outliers.
    package init(channels: Int, factor: Float) {
        self.channels = channels
        self.factor = factor
    }

    /// Float weights with outliers in front of attention and perceptrons.
    ///
    /// - Parameters:
    ///   - weights: Float, with normalizations that only multiply.
    ///   - seed: Draws the channels, for each normalization anew.
    package func planted(in weights: DecoderWeights, seed: UInt64) throws -> DecoderWeights {
        var generator = SeededGenerator(seed: seed)
        var matrices: [Role: any WeightMatrix] = [:]
        var vectors: [Role: [Float]] = [:]
        for slot in weights.spec.slots {
            if slot.shape.count == 2 {
                matrices[slot.role] = weights.matrix(slot.role)
            } else {
                vectors[slot.role] = weights.vector(slot.role)
            }
        }
        for block in weights.spec.blocks.indices {
            for (norm, readers) in Self.readers {
                let role = Role(norm, block: block)
                guard var gain = vectors[role] else { continue }
                let chosen = gain.indices.shuffled(using: &generator).prefix(channels)
                for channel in chosen { gain[channel] *= factor }
                vectors[role] = gain
                for reader in readers.map({ Role($0, block: block) }) {
                    matrices[reader] = matrices[reader].map { dividing($0, columns: chosen) }
                }
            }
        }
        return try DecoderWeights(spec: weights.spec, matrices: matrices, vectors: vectors)
    }

    private static let readers: [(Role.Part, [Role.Part])] = [
        (.attentionNorm, [.query, .key, .value, .qkv]), (.mlpNorm, [.gate, .up, .gateUp]),
    ]

    private func dividing(
        _ matrix: any WeightMatrix, columns: ArraySlice<Int>
    ) -> any WeightMatrix {
        var values = matrix.decoded()
        for row in 0..<matrix.rows {
            for column in columns { values[row * matrix.columns + column] /= factor }
        }
        return Tensor(shape: [matrix.rows, matrix.columns], elements: values).weightMatrix()
    }
}
