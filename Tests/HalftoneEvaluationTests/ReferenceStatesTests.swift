import HalftoneData
import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneText
import Testing

/// States that are kept stand for the model that they are of.
@Suite struct ReferenceStatesTests {
    private static let pool = WorkerPool(threads: 2)

    private struct Setup {
        let weights: DecoderWeights
        let model: Decoder
        let evaluator: Evaluator
        let tokens: [Int32]
    }

    private func setup() throws -> Setup {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        var windows = EvaluationWindows()
        windows.length = 40
        windows.limit = 3
        let text = StoryText(seed: 5).text(byteCount: 1000, of: .heldOut)
        return Setup(
            weights: model.weights, model: Decoder(model.weights, pool: Self.pool),
            evaluator: Evaluator(windows: windows, pool: Self.pool),
            tokens: try #require(model.tokenizer).encode(text, parseSpecial: true))
    }

    /// The weights with the down projection of the first block halved.
    private func damaged(_ weights: DecoderWeights) throws -> DecoderWeights {
        let role = Role(.down, block: 0)
        let matrix = weights.matrix(role)
        var changed = weights
        changed.replace(
            role,
            with: try DecodedMatrix(
                matrix.decoded().map { $0 / 2 }, rows: matrix.rows, columns: matrix.columns,
                byteCount: 0, formatName: "F32"))
        return changed
    }

    @Test func comparisonsAreThoseWithTheModel() throws {
        let setup = try setup()
        let states = try setup.evaluator.reference(setup.model, tokens: setup.tokens)
        let other = Decoder(try damaged(setup.weights), pool: Self.pool)
        let kept = try setup.evaluator.compare(other, with: states)
        let beside = try setup.evaluator.compare(other, with: setup.model, tokens: setup.tokens)
        #expect(kept == beside)
        #expect(kept.divergence.mean > 1e-3 && kept.candidate.windows == 3)
    }

    @Test func runsAreComparedAsDecodersAre() throws {
        let setup = try setup()
        let states = try setup.evaluator.reference(setup.model, tokens: setup.tokens)
        let weights = try damaged(setup.weights)
        let other = try setup.evaluator.compare(
            Decoder(weights, pool: Self.pool), with: states)
        let run = try StagedRun(weights, sequences: states.windows, pool: Self.pool)
        for _ in weights.spec.blocks { run.run() }
        let found = try setup.evaluator.compare(run, with: states)
        // The same arithmetic but for the order of sums.
        #expect(abs(found.divergence.mean - other.divergence.mean) < 1e-5)
    }

    /// Halved weights read what is halved before them: what is changed is what is multiplied.
    @Test(arguments: BlockStage.allCases)
    func changedActivationsAreWhatIsMultiplied(stage: BlockStage) throws {
        let setup = try setup()
        let states = try setup.evaluator.reference(setup.model, tokens: setup.tokens)
        var weights = setup.weights
        for part in stage.parts(of: weights.spec.blocks[2]) {
            let role = Role(part, block: 2)
            let matrix = weights.matrix(role)
            weights.replace(
                role,
                with: try DecodedMatrix(
                    matrix.decoded().map { $0 / 2 }, rows: matrix.rows,
                    columns: matrix.columns, byteCount: 0, formatName: "F32"))
        }
        var expected = 0
        let run = try StagedRun(
            weights, sequences: states.windows, pool: Self.pool
        ) { block, reached, values, width in
            guard block == 2, reached == stage else { return }
            #expect(values.count == 40 * width)
            for index in values.indices { values[index] *= 2 }
            expected += 1
        }
        for _ in weights.spec.blocks { run.run() }
        let found = try setup.evaluator.compare(run, with: states)
        #expect(found.divergence.mean < 1e-6)
        #expect(expected >= 3, "each window was changed")
    }
}
