import HalftoneKernels
import HalftoneQuantization

/// Writes a matrix as a sum of blocks of which as many are loaded as there is memory for.
///
/// A block is the signs of what the blocks before it leave over, a bit for each weight, times a
/// matrix of low rank that is near to the magnitudes. The blocks of all matrices of a model are
/// ranked once by what they help, and a ``BlockStack`` holds them in that order.
///
/// Source: X. Wang, P. Wang, B. Wang, D. Zhang, Y. Zhou and X. Qiu, "BitStack: Any-Size Compression
/// of Large Language Models in Variable Memory Environments", ICLR 2025, arXiv:2410.23918, sections
/// 2.1 to 2.3.
/// Departs from it in these places:
/// - The scale of each input channel is taken back in the factor of the columns and not in the
///   layer before: the function is the same to the rounding of 16 bits, and no layer has to be
///   left out for the heads that it shares.
/// - It is the root of the mean square over all tokens, where the paper takes the mean over
///   sequences of their norms; for sequences that are alike the two differ by a factor, which
///   changes nothing.
/// - What a block leaves over is taken from the factors as they are stored, where the authors'
///   program takes it from those in float32.
/// - In the ranking, losses that are no numbers come last in their level.
public struct BitStack: MatrixMethod {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "bitstack", title: "BitStack",
        paper: Paper(
            title: "BitStack: Any-Size Compression of Large Language Models in Variable Memory "
                + "Environments",
            arXiv: "2410.23918", year: 2024),
        family: .postTraining, stage: .weightRounding, needs: [.pretrainedModel, .calibrationData],
        claims: [
            MethodClaim(
                id: "magnitudes-are-low-rank",
                "Signs with magnitudes of low rank lose far less than singular vectors of the "
                    + "same memory.",
                published: PublishedFigure(
                    "relative squared error after 1, 2, 3 and 4 blocks 0.328, 0.108, 0.041 and "
                        + "0.018 (Gaussian 576 × 576, rank 16); singular vectors 0.80, 0.64 and "
                        + "0.40 in the memory of 1, 2 and 4",
                    source: "a simulation of the algorithm, not the paper")),
            MethodClaim(
                id: "any-size",
                "One stack serves every memory budget: the loaded prefix fills it to less than a "
                    + "block, and the loss falls as the budget grows."),
            MethodClaim(
                id: "activation-scaling",
                "Scaling input channels by their activations before the decomposition lowers the "
                    + "loss at few blocks."),
            MethodClaim(
                id: "ranking",
                "Ranked blocks serve budgets between two levels better than blocks in random "
                    + "order."),
            MethodClaim(
                id: "few-bits",
                "At two to three bits a weight the stack is better than rounding to 2 bits.",
                published: PublishedFigure(
                    "perplexity 79.28 against 1.7e5 of GPTQ and 1.5e6 of AWQ (Llama-3.1-8B in "
                        + "3877 MB, WikiText-2)",
                    source: "Table 1, a secondary copy")),
        ])

    /// The number of blocks of each matrix.
    public var blocks: Int

    /// The rank of the magnitudes of a block; at most the smaller side of a matrix is used.
    public var rank: Int

    /// Whether input channels count by their activations.
    public var scalesActivations: Bool

    /// What is added to the root mean square of a channel.
    public var leastScale: Float = 1e-3

    /// Creates the method with the paper's settings.
    ///
    /// A block takes `1 + 16 · rank · (1/rows + 1/columns)` bits for each weight: on matrices of a
    /// few hundred rows a rank of 2 to 4 is enough.
    public init(blocks: Int = 16, rank: Int = 16, scalesActivations: Bool = true) {
        precondition((1...64).contains(blocks), "1 to 64 blocks, not \(blocks)")
        precondition(rank >= 1, "a rank of \(rank)")
        self.blocks = blocks
        self.rank = rank
        self.scalesActivations = scalesActivations
    }

    /// Mean squares of the inputs, unless they do not count.
    public var inputDetail: InputStatistics.Detail { scalesActivations ? .features : .none }

    /// The form of all blocks of a matrix together.
    public func form(rows: Int, columns: Int) -> MatrixForm {
        let block = MatrixForm.signedLowRank(min(rank, rows, columns))
        return .residual([MatrixForm](repeating: block, count: blocks))
    }

    /// All blocks of a matrix as a residual stack (algorithm 1 of the paper); its `stages` are the
    /// blocks.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - inputs: Mean squares of the inputs; nil for channels that count alike.
    ///   - pool: Not used: the decomposition is the library's.
    /// - Throws: `QuantizationError` for weights that are not finite or factors beyond 16 bits.
    /// - Complexity: `blocks` times O(rows · columns · k + k³) with k the smaller side.
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        // A scale s of a channel makes its squared errors count s².
        let importance = scalesActivations ? inputs.map(importance) : nil
        return try StoredMatrix(
            weight.decoded(), rows: weight.rows, columns: weight.columns,
            form: form(rows: weight.rows, columns: weight.columns), importance: importance)
    }

    private func importance(_ inputs: InputStatistics) -> [Float] {
        inputs.meanSquares.map { square in
            let scale = square.squareRoot() + leastScale
            return scale * scale
        }
    }

    /// The order in which blocks are worth loading, level by level (section 2.3).
    ///
    /// Every matrix begins with one block. At each level all have as many, and each in turn one
    /// more: those whose block makes the loss least come first. So block i + 1 of a matrix never
    /// comes before block i of another.
    ///
    /// - Parameters:
    ///   - matrices: How many there are.
    ///   - blocks: Of each.
    ///   - sizes: What a block of each matrix takes: then those come first that help most for their
    ///     size, which the paper does not look at. nil for the paper's order.
    ///   - loss: The loss of the model on text that nothing else is measured on, with a number of
    ///     blocks for each matrix.
    /// - Returns: The matrix of each block beyond the first ones, `matrices · (blocks − 1)`.
    public static func ranking(
        matrices: Int, blocks: Int, sizes: [Int]? = nil,
        loss: (_ counts: [Int]) throws -> Double
    ) rethrows -> [Int] {
        var order: [Int] = []
        for level in 1..<max(blocks, 1) {
            let alike = [Int](repeating: level, count: matrices)
            let base = sizes == nil ? 0 : try loss(alike)
            var losses: [Double] = []
            for matrix in 0..<matrices {
                var counts = alike
                counts[matrix] += 1
                let change = try loss(counts) - base
                let found = change / Double(max(sizes?[matrix] ?? 1, 1))
                losses.append(found.isNaN ? .infinity : found)
            }
            order += (0..<matrices).sorted { (losses[$0], $0) < (losses[$1], $1) }
        }
        return order
    }
}
