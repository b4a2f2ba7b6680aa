import HalftoneKernels

extension Tensor {
    /// Softmax attention: `softmax(scale · q · kᵀ + mask) · v` for each head.
    ///
    /// Query heads share key heads in runs of `heads / keyHeads`. The last query lies at the place
    /// of the last key. Scores are computed for 64 queries of a head at a time, and once more on
    /// the way back, so that memory grows with the number of queries and not with its square. A
    /// query that sees no key gives zeros.
    ///
    /// - Parameters:
    ///   - queries: `[batch, queries, heads, headDim]`.
    ///   - keys: `[batch, keys, keyHeads, headDim]`; `heads` is a multiple of `keyHeads`.
    ///   - values: In the shape of the keys.
    ///   - scale: Nil for `1/√headDim`.
    ///   - isCausal: Whether a query sees no later key.
    ///   - window: How many keys a query sees, the one at its own place being the last; nil for
    ///     all.
    ///   - mask: Added to the scores, −∞ to hide; `[batch, heads, queries, keys]` with 1 for what
    ///     repeats of the first three. No gradient flows to it.
    /// - Returns: In the shape of the queries.
    public static func attention(
        queries: Tensor, keys: Tensor, values: Tensor, scale: Float? = nil,
        isCausal: Bool = false, window: Int? = nil, mask: Tensor? = nil
    ) -> Tensor {
        let (shape, keyShape) = (queries.shape, keys.shape)
        precondition(
            shape.count == 4 && keyShape.count == 4 && values.shape == keyShape
                && keyShape[0] == shape[0] && keyShape[3] == shape[3],
            "queries \(shape), keys \(keyShape) and values \(values.shape) do not fit")
        var strides = (item: 0, head: 0, query: 0)
        if let mask {
            let whole = [shape[0], shape[2], shape[1], keyShape[1]]
            precondition(
                mask.rank == 4 && mask.shape[3] == whole[3]
                    && Broadcast.shape(mask.shape, whole) == whole,
                "a mask \(mask.shape) does not repeat to \(whole)")
            let all = Broadcast.repeatingStrides(mask.shape, in: whole)
            strides = (all[0], all[1], all[2])
        }
        let attention = DenseAttention(
            batch: shape[0], queries: shape[1], keys: keyShape[1], heads: shape[2],
            keyHeads: keyShape[2], headDim: shape[3],
            scale: scale ?? 1 / Float(shape[3]).squareRoot(), isCausal: isCausal, window: window,
            maskStrides: strides)
        let (q, k, v) = (queries.elements, keys.elements, values.elements)
        let added = mask?.elements
        let (value, logSums) = attention(q, k, v, mask: added)
        return recorded(shape, value, from: [queries, keys, values]) { step in
            let gradients = attention.pullback(
                step.takeUpstream(), q, k, v, mask: added, result: value, logSums: logSums)
            step.add(gradients.q, to: 0)
            step.add(gradients.k, to: 1)
            step.add(gradients.v, to: 2)
        }
    }

    /// Rotates pairs of numbers of each head by angles that grow with the place: rotary positions.
    ///
    /// Su et al., "RoFormer", arXiv:2104.09864, of `[batch, places, heads, headDim]`. No gradient
    /// flows to the angles.
    ///
    /// - Parameters:
    ///   - angles: For as many places; numbers of a head beyond two per frequency stay.
    ///   - isInterleaved: Whether pairs lie side by side, as in the paper, or half the width
    ///     apart, as in Llama checkpoints.
    public func rotated(by angles: RotaryAngles, isInterleaved: Bool = false) -> Tensor {
        precondition(
            rank == 4 && angles.cosines.shape[0] == shape[1]
                && 2 * angles.cosines.shape[1] <= shape[3],
            "angles \(angles.cosines.shape) do not fit shape \(shape)")
        let rotation = Rotation(
            places: shape[1], heads: shape[2], width: shape[3],
            rotated: 2 * angles.cosines.shape[1], isInterleaved: isInterleaved)
        let (cosines, sines) = (angles.cosines.elements, angles.sines.elements)
        var value = elements
        rotation(&value, cosines: cosines, sines: sines, direction: 1)
        return Self.recorded(shape, value, from: [self]) { step in
            var gradient = step.takeUpstream()
            rotation(&gradient, cosines: cosines, sines: sines, direction: -1)
            step.add(gradient, to: 0)
        }
    }
}
