import HalftoneData
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Scores of blocks, held to cosines and shares by hand, and the order that follows from them.
@Suite struct LayerwiseQuantTests {
    private static let pool = WorkerPool(threads: 2)

    @Test func modificationIsTheMeanOfNegativeCosines() {
        func score(_ inputs: [Float], _ outputs: [Float]) -> Double {
            LayerwiseQuant.inputModification(from: inputs, to: outputs, width: 2)
        }
        #expect(score([3, 4], [6, 8]) == -1)
        #expect(score([3, 4], [-3, -4]) == 1)
        #expect(score([3, 4], [-4, 3]) == 0)
        #expect(score([0, 0], [1, 2]) == 0)
        // Cosines 1 and 24/25: a token a thousand times as long counts no more than the other.
        #expect(abs(score([3000, 4000, 3, 4], [3000, 4000, 4, 3]) + 0.98) < 1e-15)
        // 1 − cos of a step of 2⁻¹³ to the side is 2⁻²⁷, less than an ulp of float32 at 1.
        #expect(abs(score([1, 0], [1, 0x1p-13]) + 1 - 0x1p-27) < 1e-15)
    }

    @Test func shareIsOneSidedAndOverAllMatrices() {
        func share(_ matrices: [[Float]]) -> Double {
            LayerwiseQuant.shareFarAbove(
                matrices.map {
                    Tensor(shape: [1, $0.count], elements: $0).weightMatrix()
                })
        }
        // Mean 5/2, deviation 4.33: 10 is above 6.83.
        #expect(share([[0, 0, 0, 10]]) == 0.25)
        #expect(share([[0, 0], [0, 10]]) == 0.25)
        #expect(share([[0, 0, 0, -10]]) == 0)
        // The limit itself is not above: mean 0, deviation 1.
        #expect(share([[-1, 1]]) == 0)
        #expect(share([]) == 0)
    }

    @Test func orderBeginsWithTheLeastImportant() {
        #expect(LayerwiseQuant.order(by: [-0.2, -0.9, -0.5, -0.9]) == [1, 3, 2, 0])
    }

    /// 40 layers: 30 with 4 bits and 10 with 2 make 3.5; 2.85 bits are nearest to 23 lowered.
    @Test(arguments: [
        (40, 3.5, 4.0, 2.0, 10), (40, 2.85, 4, 2, 23), (30, 8, 8, 4, 0), (6, 4, 8, 4, 6),
    ])
    func countGivesTheAverage(
        blocks: Int, average: Double, high: Double, low: Double, expected: Int
    ) {
        let count = LayerwiseQuant.loweredCount(
            of: blocks, averageBits: average, high: high, low: low)
        #expect(count == expected)
    }

    /// A block that adds nothing leaves the stream as it is: its score is −1, to the rounding of
    /// the cosine, and no other block's is.
    @Test func blockWithoutEffectMattersLeast() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        var weights = model.weights
        for part in [Role.Part.attentionOutput, .down] {
            let role = Role(part, block: 2)
            let matrix = weights.matrix(role)
            weights.replace(role, with: Tensor.zeros([matrix.rows, matrix.columns]).weightMatrix())
        }
        let text: [[Int32]] = [Array(10..<42), Array(50..<60)]
        let scores = try LayerwiseQuant().importance(
            of: weights, reading: text, pool: Self.pool)
        #expect(scores.count == model.spec.blocks.count)
        #expect(abs(scores[2] + 1) < 1e-12)
        for (block, score) in scores.enumerated() where block != 2 { #expect(score > -0.9999) }
        #expect(LayerwiseQuant.order(by: scores).first == 2)
        // Sequences are read apart, and every token counts the same.
        let parts = try text.map {
            try LayerwiseQuant().importance(of: weights, reading: [$0], pool: Self.pool)
        }
        for block in scores.indices {
            let mean = (32 * parts[0][block] + 10 * parts[1][block]) / 42
            #expect(abs(scores[block] - mean) < 1e-6, "block \(block)")
        }
    }

    @Test func zeroScoresReadNoText() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let scores = try LayerwiseQuant(score: .zScoreDistribution).importance(
            of: model.weights, reading: [], pool: Self.pool)
        for (block, score) in scores.enumerated() {
            let parts: [Role.Part] = [
                .query, .key, .value, .attentionOutput, .gate, .up, .down,
            ]
            let share = LayerwiseQuant.shareFarAbove(
                parts.map { model.weights.matrix(Role($0, block: block)) })
            #expect(score == -share)
            // The share of a normal distribution is 0.159; tails make it smaller.
            #expect((0.05...0.25).contains(share), "block \(block): \(share)")
        }
    }
}
