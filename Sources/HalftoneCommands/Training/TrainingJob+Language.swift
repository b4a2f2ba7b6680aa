import Foundation
import HalftoneData
import HalftoneFiles
import HalftoneModels
import HalftoneNN
import HalftoneTensor
import HalftoneText
import HalftoneTraining

extension TrainingJob {
    /// Prepares a language model: text, vocabulary, tokens, network.
    ///
    /// All of it is made again from the recipe when a training goes on.
    static func language(
        _ recipe: LanguageRecipe, _ whole: TrainRecipe, note: (String) -> Void
    ) throws -> TrainingJob {
        let (text, heldOut) = try texts(recipe)
        var counter = BPETrainer(split: .qwen2, specialTokens: StoryText.specialTokens)
        counter.add(text)
        let vocabulary = counter.train(vocabularySize: recipe.vocabulary)
        let tokenizerJSON = try vocabulary.tokenizerJSON()
        let configuration = vocabulary.configuration(
            bos: nil, eos: StoryText.endOfText, chatTemplate: StoryText.chatTemplate,
            contextLength: recipe.context)
        let tokenizer = try Tokenizer(tokenizerJSON: tokenizerJSON, configuration: configuration)
        let tokens = tokenizer.encode(text, addSpecialTokens: false, parseSpecial: true)
        let windows = TokenWindows(tokens, length: recipe.context)
        let measured = TokenWindows(
            tokenizer.encode(heldOut, addSpecialTokens: false, parseSpecial: true),
            length: recipe.context)
        guard windows.count >= recipe.batch, measured.count >= 1 else {
            throw CommandError(
                "the text has \(tokens.count) tokens; a batch of \(recipe.batch) rows of "
                    + "\(recipe.context) needs more", .badInput)
        }
        note(
            "\(text.utf8.count) bytes of text are \(tokens.count) tokens of "
                + "\(vocabulary.tokens.count)")
        let shape = LlamaNetwork.Shape(
            vocabularySize: vocabulary.tokens.count, width: recipe.width, layers: recipe.layers,
            heads: recipe.heads, keyHeads: recipe.keyHeads, hiddenWidth: recipe.hiddenWidth,
            contextLength: recipe.context)
        var generator = SeededGenerator(seed: whole.training.seed)
        let model = LlamaNetwork(shape, using: &generator)
        note("the model has \(model.parameterCount) parameters")
        let optimizer = whole.optimizer.optimizer(for: model, steps: whole.training.steps)
        let plan = BatchPlan(
            exampleCount: windows.count, batchSize: recipe.batch, seed: whole.training.seed)
        let trainer = Trainer(model, [optimizer], whole.training) { number in
            windows.pair(plan[number])
        } loss: { batch, context in
            Loss.crossEntropy(model(batch.inputs, context), batch.targets)
        }
        trainer.evaluate = { context in
            var (sum, count) = (0.0, 0)
            let last = min(measured.count, 64)
            for start in stride(from: 0, to: last, by: recipe.batch) {
                let batch = measured.pair(Array(start..<min(start + recipe.batch, last)))
                let loss = Loss.crossEntropy(
                    model(batch.inputs, context), batch.targets, reduction: .sum)
                sum += Double(loss.item)
                count += batch.targets.count
            }
            return ["loss": sum / Double(count), "perplexity": exp(sum / Double(count))]
        }
        let end = tokenizer.encode(
            StoryText.endOfText, addSpecialTokens: false, parseSpecial: true)
        return TrainingJob(
            trainer,
            unitsPerStep: (
                recipe.batch * recipe.context * whole.training.accumulation, "tokens"
            ),
            files: [
                ("config.json", try model.configuration(eos: end.first.map { Int($0) })),
                ("tokenizer.json", tokenizerJSON), ("tokenizer_config.json", configuration),
            ])
    }

    /// The text to train on, and another to measure with.
    private static func texts(_ recipe: LanguageRecipe) throws -> (String, String) {
        if let stories = recipe.stories {
            let source = StoryText(seed: stories.seed)
            return (
                source.text(byteCount: stories.bytes, of: .training),
                source.text(byteCount: 1 << 18, of: .heldOut)
            )
        }
        var text = ""
        for path in recipe.files ?? [] {
            guard let content = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw CommandError("\(path): no file of UTF-8 text", .badInput)
            }
            text += content + StoryText.endOfText + "\n"
        }
        // The last twentieth is measured with; it begins at a character.
        let border = text.index(text.startIndex, offsetBy: text.count / 20 * 19)
        return (String(text[..<border]), String(text[border...]))
    }
}

extension TokenWindows {
    /// Windows as tensors of inputs and targets.
    fileprivate func pair(_ indices: [Int]) -> (inputs: IndexTensor, targets: IndexTensor) {
        let (inputs, targets) = batch(indices)
        let shape = [indices.count, length]
        return (
            IndexTensor(shape: shape, elements: inputs),
            IndexTensor(shape: shape, elements: targets)
        )
    }
}
