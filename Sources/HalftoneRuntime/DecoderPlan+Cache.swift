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
    ///
    /// Source: N. Trukhanov and I. Soloveychik, "Accurate Block Quantization in LLMs with
    /// Outliers", arXiv:2403.20137, K-sort: channels in descending order of the norms of their
    /// rows of `W_k`. Two things are added: the gain of the normalization before the projection is
    /// part of the norm, and the two channels that a rotary position turns into each other have the
    /// larger of their norms, since keys are stored after that.
    func keyOrder(_ order: KeyValuePolicy.KeyOrder, _ index: Int) -> [Int]? {
        guard order == .weights else { return nil }
        let spec = weights.spec.blocks[index].attention
        let matrix = weights.matrix(Role(spec.isFused ? .qkv : .key, block: index))
        let firstRow = spec.isFused ? spec.heads * spec.headDim : 0
        let gain = weights.vector(Role(.attentionNorm, block: index)) ?? []
        let row = FloatBuffer(count: matrix.columns)
        var norms: [Double] = []
        for channel in 0..<spec.keyHeads * spec.headDim {
            row.decode(row: firstRow + channel, of: matrix, at: 0)
            var sum = 0.0
            for column in 0..<matrix.columns {
                let factor = column < gain.count ? gain[column] : 1
                sum += Double(row[column] * factor) * Double(row[column] * factor)
            }
            norms.append(sum)
        }
        let half = (spec.rope?.dimensions ?? 0) / 2
        return (0..<spec.keyHeads).flatMap { head in
            let own = Array(norms[head * spec.headDim..<(head + 1) * spec.headDim])
            let shared = own.indices.map { channel in
                guard channel < 2 * half else { return own[channel] }
                return max(own[channel], own[channel < half ? channel + half : channel - half])
            }
            // Equal norms keep their order.
            return own.indices.sorted { (shared[$1], $0) < (shared[$0], $1) }
        }
    }
}
