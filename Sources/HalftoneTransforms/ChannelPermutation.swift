import HalftoneKernels
import HalftoneModels

/// Puts channels into another order, so that neighbours, which share scales, are alike.
///
/// Hidden channels of perceptrons and the channels of the residual stream can be put into any
/// order; the latter needs no untied head, since embedding and head are permuted alike. Channels
/// of queries and keys belong to rotary positions, and are ordered where they are stored
/// (`KeyValuePolicy.KeyOrder`).
public struct ChannelPermutation: ModelTransform {
    /// By block, which hidden channel of the perceptron comes where.
    public var hidden: [Int: [Int]]

    /// Which channel of the residual stream comes where; nil leaves them.
    public var stream: [Int]?

    /// Creates the transform.
    ///
    /// - Parameters:
    ///   - hidden: By block, the old number of each new channel.
    ///   - stream: The old number of each new channel.
    public init(hidden: [Int: [Int]] = [:], stream: [Int]? = nil) {
        self.hidden = hidden
        self.stream = stream
    }

    /// Permutes rows, columns and vectors.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        let spec = weights.spec
        for (block, order) in hidden {
            guard spec.blocks.indices.contains(block) else {
                throw .badValues("there is no block \(block)")
            }
            try Self.check(order, count: spec.blocks[block].mlp.hiddenWidth)
        }
        if let stream { try Self.check(stream, count: spec.width) }
        var result = weights
        for (block, order) in hidden { permuteHidden(order, block, &result) }
        if let stream { permute(stream, &result) }
        return result
    }

    private static func check(_ order: [Int], count: Int) throws(TransformError) {
        guard order.count == count, order.sorted() == Array(0..<count) else {
            throw .badValues("an order of \(count) channels has each of them once")
        }
    }

    private func permuteHidden(_ order: [Int], _ block: Int, _ weights: inout DecoderWeights) {
        for place in weights.spec.blocks[block].hiddenRows(block: block) {
            weights.permuteRows(place, order)
        }
        weights.permuteColumns(Role(.down, block: block), order)
    }

    private func permute(_ order: [Int], _ weights: inout DecoderWeights) {
        for slot in weights.spec.slots {
            let role = slot.role
            switch role.part {
            case .embedding, .positions, .head, .query, .key, .value, .qkv, .gate, .up, .gateUp:
                if !role.isBias { weights.permuteColumns(role, order) }
            case .attentionOutput, .down:
                if !role.isBias {
                    weights.permuteRows(ParameterRows(role: role, rows: 0..<order.count), order)
                }
            case .attentionNorm, .mlpNorm, .attentionPostNorm, .mlpPostNorm, .finalNorm:
                weights.editVector(role) { values in values = order.map { values[$0] } }
            case .queryNorm, .keyNorm: break
            }
        }
    }
}

extension DecoderWeights {
    /// Puts columns into another order.
    fileprivate mutating func permuteColumns(_ role: Role, _ order: [Int]) {
        edit(role) { values, columns in
            let old = values
            for index in values.indices {
                values[index] = old[index - index % columns + order[index % columns]]
            }
        }
    }

    /// Puts rows, and their biases, into another order.
    fileprivate mutating func permuteRows(_ place: ParameterRows, _ order: [Int]) {
        let first = place.rows.lowerBound
        edit(place.role) { values, columns in
            let old = values
            for (row, source) in order.enumerated() {
                let from = (first + source) * columns
                values.replaceSubrange(
                    (first + row) * columns..<(first + row + 1) * columns,
                    with: old[from..<from + columns])
            }
        }
        editVector(place.role.bias) { values in
            let old = values
            for (row, source) in order.enumerated() { values[first + row] = old[first + source] }
        }
    }
}
