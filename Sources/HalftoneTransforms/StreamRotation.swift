import HalftoneKernels
import HalftoneModels

/// Rotates the residual stream: what a few channels carry is spread over all of them.
///
/// Gains of normalizations are folded first (``NormFolding``), the last one into a head that is no
/// longer the embedding; normalizations by the root mean square then see the same. Models whose
/// normalizations subtract a mean, or that normalize what blocks write, are refused.
///
/// Source: S. Ashkboos et al., "QuaRot", arXiv:2404.00456, section 4, stage 1a.
public struct StreamRotation: ModelTransform {
    /// Draws the rotation.
    public var seed: UInt64

    /// Creates the transform.
    public init(seed: UInt64 = 1) { self.seed = seed }

    /// Folds and rotates.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        let spec = weights.spec
        guard spec.blocks.allSatisfy({ $0.postNorm == nil }) else {
            throw .unsupported(
                transform: "rotating the residual stream",
                reason: "what blocks write is normalized with gains of its own")
        }
        guard
            spec.finalNorm.kind == .rootMeanSquare,
            spec.blocks.allSatisfy({
                $0.attentionNorm.kind == .rootMeanSquare && $0.mlpNorm.kind == .rootMeanSquare
            })
        else {
            throw .unsupported(
                transform: "rotating the residual stream",
                reason: "its normalizations subtract the mean of the channels")
        }
        let rotation = try Rotation.orthogonal(spec.width, seed: seed)
        var result = try NormFolding(foldsHead: true).applied(to: weights)
        result.rotateColumns(Role(.embedding), by: rotation)
        if spec.learnedPositions != nil {
            result.rotateColumns(Role(.positions), by: rotation)
        }
        for (index, block) in spec.blocks.enumerated() {
            for stage in [BlockStage.attentionInput, .perceptronInput] {
                for part in stage.parts(of: block) {
                    result.rotateColumns(Role(part, block: index), by: rotation)
                }
            }
            for part in [Role.Part.attentionOutput, .down] {
                result.rotateRows(
                    ParameterRows(role: Role(part, block: index), rows: 0..<spec.width),
                    by: rotation)
            }
        }
        result.rotateColumns(Role(.head), by: rotation)
        return result
    }
}

/// Rotates what each head reads out: the rows of values, and the columns that read them.
///
/// Source: S. Ashkboos et al., "QuaRot", arXiv:2404.00456, section 4, stage 1c (within heads).
public struct HeadRotation: ModelTransform {
    /// Draws the rotation, which all heads share.
    public var seed: UInt64

    /// Creates the transform.
    public init(seed: UInt64 = 1) { self.seed = seed }

    /// Rotates all heads.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        var result = weights
        for (index, block) in weights.spec.blocks.enumerated() {
            let rotation = try Rotation.orthogonal(block.attention.headDim, seed: seed)
            result.rotateRows(block.valueRows(block: index), by: rotation)
            result.rotateColumns(Role(.attentionOutput, block: index), by: rotation)
        }
        return result
    }
}

extension Rotation {
    /// A Hadamard matrix with random signs, or a random orthogonal matrix for sizes that have none.
    static func orthogonal(
        _ size: Int, seed: UInt64
    ) throws(TransformError) -> DenseMatrix<Float> {
        if let matrix = hadamard(size, seed: seed) { return matrix }
        do {
            return try random(size, seed: seed)
        } catch {
            throw .badValues("no rotation of \(size) channels: \(error)")
        }
    }
}
