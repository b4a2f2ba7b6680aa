import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// Ranks the blocks of a model by one number each and gives fewer bits to those that matter least.
///
/// How many blocks are lowered sets any average between two widths; every matrix of a block, its
/// attention and its MLP, gets the block's width from whatever quantizer is at hand.
///
/// Source: R.-G. Dumitru, V. Yadav, R. Maheshwary, P.-I. Clotan, S. T. Madhusudhan and
/// M. Surdeanu, "Layer-Wise Quantization: A Pragmatic and Effective Method for Quantizing LLMs
/// Beyond Integer Bit-Levels", arXiv:2406.17415, section 3. It leaves open how cosines of tokens
/// are averaged; here each token counts the same, so that the first one, whose states are far
/// larger than others, does not decide alone.
public struct LayerwiseQuant: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "layerwise-quant", title: "LayerwiseQuant",
        paper: Paper(
            title: "Layer-Wise Quantization: A Pragmatic and Effective Method for Quantizing LLMs "
                + "Beyond Integer Bit-Levels",
            arXiv: "2406.17415", year: 2024),
        family: .bitAllocation, stage: .allocation, needs: [.calibrationData, .pretrainedModel],
        claims: [
            MethodClaim(
                id: "order-beats-chance",
                "Lowering the blocks that matter least by LIM costs less than lowering as many "
                    + "blocks in an order that is drawn.",
                published: PublishedFigure(
                    "near the original until 25 to 50 % of the layers are lowered in this order, "
                        + "5 to 10 % in no specific one",
                    source: "the abstract")),
            MethodClaim(
                id: "reverse-is-worse",
                "Lowering the blocks that matter most by LIM costs more than either."),
            MethodClaim(
                id: "zd-beats-chance",
                "The order by ZD, which reads weights alone, costs less than an order that is "
                    + "drawn as well."),
            MethodClaim(
                id: "beats-removal",
                "Lowering the bits of blocks costs less than removing these blocks, unless they "
                    + "are lowered to 2 bits."),
        ])

    /// What a block counts.
    public var score: Score

    /// Ways to say how much a block matters.
    public enum Score: String, Sendable, Hashable, CaseIterable, Codable {
        /// Layer input modification: the less the residual stream before and after a block point
        /// the same way, the more it matters.
        case inputModification = "lim"
        /// Z-score distribution: the smaller the share of weights far above the mean of a block's
        /// weights, the more it matters; reads no text.
        case zScoreDistribution = "zd"
    }

    /// Creates the method with the paper's first choice.
    public init(score: Score = .inputModification) { self.score = score }

    /// How much each block matters, larger for those that do more.
    ///
    /// The order is found once, on the float model; it is not found again while blocks are lowered.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - sequences: Calibration text; ``Score/zScoreDistribution`` does not read it.
    ///   - pool: The threads to use.
    /// - Throws: `DecoderError` for tokens that the model does not have.
    public func importance(
        of weights: DecoderWeights, reading sequences: [[Int32]], pool: WorkerPool
    ) throws(DecoderError) -> [Double] {
        switch score {
        case .inputModification:
            try Self.inputModification(of: weights, reading: sequences, pool: pool)
        case .zScoreDistribution:
            weights.spec.blocks.indices.map { -Self.shareFarAbove(Self.matrices($0, of: weights)) }
        }
    }

    /// The blocks by importance, the least important first; equals as they stand.
    public static func order(by importance: [Double]) -> [Int] {
        importance.indices.sorted { (importance[$0], $0) < (importance[$1], $1) }
    }

    /// How many of some blocks of one size are lowered from `high` to `low` bits so that the
    /// average is nearest to `averageBits`.
    public static func loweredCount(
        of blocks: Int, averageBits: Double, high: Double, low: Double
    ) -> Int {
        precondition(
            low < high && (low...high).contains(averageBits),
            "\(averageBits) bits are not between \(low) and \(high)")
        return Int((Double(blocks) * (high - averageBits) / (high - low)).rounded())
    }
}

extension LayerwiseQuant {
    /// LIM of each block: the mean over tokens of `−cos` between the residual stream before and
    /// after the block, from −1 to 1.
    private static func inputModification(
        of weights: DecoderWeights, reading sequences: [[Int32]], pool: WorkerPool
    ) throws(DecoderError) -> [Double] {
        let run = try StagedRun(weights, sequences: sequences, pool: pool)
        func streams() -> [[Float]] { sequences.indices.map(run.stream(ofSequence:)) }
        var before = streams()
        return weights.spec.blocks.indices.map { _ in
            run.run()
            let after = streams()
            let score = inputModification(
                from: before.flatMap(\.self), to: after.flatMap(\.self), width: weights.spec.width)
            before = after
            return score
        }
    }

    /// The mean over tokens of `−cos(x, y)`; a token that is zero on either side counts 0.
    ///
    /// - Parameters:
    ///   - inputs: `[tokens, width]`, the residual stream before a block.
    ///   - outputs: The same behind it, the skip path included.
    ///   - width: Features of a token.
    public static func inputModification(
        from inputs: [Float], to outputs: [Float], width: Int
    ) -> Double {
        precondition(inputs.count == outputs.count && inputs.count.isMultiple(of: max(width, 1)))
        var sum = 0.0
        for first in stride(from: 0, to: inputs.count, by: max(width, 1)) {
            // Most cosines are close to 1: in double precision their differences are kept.
            var (xx, yy, xy) = (0.0, 0.0, 0.0)
            for index in first..<first + width {
                let (x, y) = (Double(inputs[index]), Double(outputs[index]))
                xx += x * x
                yy += y * y
                xy += x * y
            }
            let norms = (xx * yy).squareRoot()
            if norms > 0 { sum -= xy / norms }
        }
        return sum / Double(max(inputs.count / max(width, 1), 1))
    }

    /// ZD: the share of weights more than one standard deviation above the mean, over all matrices
    /// of a block together, from 0 to 1.
    public static func shareFarAbove(_ matrices: [any WeightMatrix]) -> Double {
        var (count, sum, squares) = (0.0, 0.0, 0.0)
        each(matrices) { row in
            for value in row {
                sum += Double(value)
                squares += Double(value) * Double(value)
            }
            count += Double(row.count)
        }
        guard count > 0 else { return 0 }
        let mean = sum / count
        let limit = mean + max(squares / count - mean * mean, 0).squareRoot()
        var above = 0
        each(matrices) { row in above += row.count { Double($0) > limit } }
        return Double(above) / count
    }

    private static func each(_ matrices: [any WeightMatrix], _ body: ([Float]) -> Void) {
        for matrix in matrices {
            var row = [Float](repeating: 0, count: matrix.columns)
            for index in 0..<matrix.rows {
                matrix.decode(row: index, into: &row)
                body(row)
            }
        }
    }

    private static func matrices(
        _ block: Int, of weights: DecoderWeights
    ) -> [any WeightMatrix] {
        weights.spec.slots.map(\.role).filter { $0.isLinear && $0.block == block }
            .map(weights.matrix)
    }
}
