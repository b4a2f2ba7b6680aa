import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// A model of twice the width with layer normalizations and biases that computes what one with
/// root-mean-square normalizations computes.
///
/// Its residual stream holds every channel twice, once with the opposite sign: the mean of all is
/// 0 and their variance the mean square of the original's. Layers read half the difference of the
/// two; biases are 0 at first.
struct LayerNormTwin {
    /// The parameters.
    let weights: DecoderWeights

    /// Doubles a model of unfused layers without biases.
    init(_ original: DecoderWeights) throws {
        var spec = original.spec
        spec.width *= 2
        spec.isHeadTied = false
        spec.finalNorm.kind = .layer
        for index in spec.blocks.indices {
            spec.blocks[index].attentionNorm.kind = .layer
            spec.blocks[index].mlpNorm.kind = .layer
            spec.blocks[index].attention.hasInputBias = true
            spec.blocks[index].attention.hasOutputBias = true
            spec.blocks[index].mlp.hasBias = true
        }
        var matrices: [Role: any WeightMatrix] = [:]
        var vectors: [Role: [Float]] = [:]
        for slot in spec.slots {
            let role = slot.role
            guard slot.shape.count == 2 else {
                let values = original.vector(role)
                vectors[role] =
                    values.map { $0 + $0 } ?? [Float](repeating: 0, count: slot.shape[0])
                continue
            }
            let matrix = original.matrix(role)
            let values = matrix.decoded()
            var doubled: [Float] = []
            doubled.reserveCapacity(2 * values.count)
            switch role.part {
            case .attentionOutput, .down: doubled = values + values.map { -$0 }
            default:
                let factor: Float = role.part == .embedding ? 1 : 0.5
                for row in 0..<matrix.rows {
                    let part = values[row * matrix.columns..<(row + 1) * matrix.columns]
                    doubled += part.map { factor * $0 } + part.map { -factor * $0 }
                }
            }
            matrices[role] = Tensor(shape: slot.shape, elements: doubled).weightMatrix()
        }
        weights = try DecoderWeights(spec: spec, matrices: matrices, vectors: vectors)
    }
}
