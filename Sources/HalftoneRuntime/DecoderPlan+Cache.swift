import HalftoneFormats
import HalftoneKernels
import HalftoneModels

extension DecoderPlan {
    /// Floats that a thread needs to attend from `count` tokens over `positions`.
    func scratch(count: Int, positions: Int) -> Int {
        let floats = Attention.scratch(count: count, positions: positions)
        guard !cache.isFloat32 else { return floats }
        return blocks.reduce(floats) {
            max(
                $0,
                $1.attention.packedScratch(count: count, positions: positions, policy: cache))
        }
    }
}

extension PlanBuilder {
    /// Which channel of a block's keys is stored where, `[heads][headDim]`, or nil for the model's
    /// order.
    func keyOrder(_ order: KeyValuePolicy.KeyOrder, _ index: Int) -> [Int]? {
        guard order == .weights else { return nil }
        return ChannelOrder.descending(
            weights.keyNorms(ofBlock: index),
            headDim: weights.spec.blocks[index].attention.headDim)
    }
}

extension DecoderWeights {
    /// How large the channels of a block's keys are by the weights, `[keyHeads][headDim]`.
    ///
    /// Source: N. Trukhanov and I. Soloveychik, "Accurate Block Quantization in LLMs with
    /// Outliers", arXiv:2403.20137, K-sort: the norms of the rows of `W_k`. Two things are added:
    /// the gain of the normalization before the projection is part of the norm, and the two
    /// channels that a rotary position turns into each other have the larger of their norms, since
    /// keys are stored after that.
    public func keyNorms(ofBlock index: Int) -> [Double] {
        let spec = spec.blocks[index].attention
        let matrix = matrix(Role(spec.isFused ? .qkv : .key, block: index))
        let firstRow = spec.isFused ? spec.heads * spec.headDim : 0
        let gain = vector(Role(.attentionNorm, block: index)) ?? []
        let row = FloatBuffer(count: matrix.columns)
        let norms = (0..<spec.keyHeads * spec.headDim).map { channel in
            row.decode(row: firstRow + channel, of: matrix, at: 0)
            var sum = 0.0
            for column in 0..<matrix.columns {
                let factor = column < gain.count ? gain[column] : 1
                sum += Double(row[column] * factor) * Double(row[column] * factor)
            }
            return sum.squareRoot()
        }
        let half = (spec.rope?.dimensions ?? 0) / 2
        return norms.indices.map { index in
            let channel = index % spec.headDim
            guard channel < 2 * half else { return norms[index] }
            return max(norms[index], norms[channel < half ? index + half : index - half])
        }
    }
}
