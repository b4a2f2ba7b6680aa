import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneRuns
import HalftoneRuntime
import HalftoneTensor
import HalftoneTesting
import HalftoneText
import HalftoneTraining
import Testing

/// `halftone train` from a recipe to a folder that the run time loads.
struct TrainCommandTests {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "train-\(UUID())")

    private func train(_ recipe: String, _ arguments: [String] = []) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "recipe.yaml").path
        try recipe.write(toFile: path, atomically: true, encoding: .utf8)
        let output = folder.appending(path: "run").path
        var command = try HalftoneCommand.parseAsRoot(
            ["train", path, "-o", output, "--quiet"] + arguments)
        try command.run()
        return output
    }

    @Test func trainsALanguageModelThatTheRunTimeLoads() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = try train(
            """
            version: 1
            language: {vocabulary: 320, width: 32, layers: 2, heads: 4, keyHeads: 2,
              hiddenWidth: 48, context: 32, batch: 4, stories: {bytes: 70000, seed: 3}}
            optimizer: {rule: adamw, rate: 0.003, weightDecay: 0.1}
            training: {steps: 8, clipNorm: 1.0, metricsInterval: 1}
            """)
        let metrics = try MetricsLog.records(at: output + "/metrics.jsonl")
        #expect(metrics.map(\.step) == Array(1...8))
        let losses = metrics.compactMap { $0.values["loss"] }
        // Even chances among 320 tokens cost log 320 = 5.77; some steps make it better.
        #expect(losses.count == 8 && losses[0] > 5.5 && losses[0] < 6)
        #expect(losses[7] < losses[0])
        #expect(metrics[7].values["evaluation.perplexity"] != nil)
        let model = try LanguageModel(path: output + "/model")
        #expect(model.weights.spec.blocks.count == 2)
        #expect(model.tokenizer?.encode("a tale", addSpecialTokens: false).isEmpty == false)

        // The same logits from the network that trains and from the one that runs.
        var generator = SeededGenerator(seed: 1)
        let network = LlamaNetwork(
            .init(
                vocabularySize: 320, width: 32, layers: 2, heads: 4, keyHeads: 2, hiddenWidth: 48,
                contextLength: 32), using: &generator)
        try network.restore(TensorFile.read(output + "/model/model.safetensors"))
        let tokens: [Int32] = [5, 17, 300, 8, 8, 120]
        let expected = network(
            IndexTensor(shape: [1, 6], elements: tokens), ForwardContext(network))
        let decoder = Decoder(model.weights, pool: WorkerPool(threads: 1))
        let state = decoder.makeState()
        let found = try decoder.logits(after: tokens, state: state)
        // Sums of at most 48 products of size 0.1, twice over and in another order.
        #expect(
            checkClose(
                found, expected.rows(0..<1).elements.suffix(320).map { Double($0) }, within: 1e-4
            ).isEmpty)
    }

    @Test func trainsAnImageClassifier() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = try train(
            """
            version: 1
            images: {network: plain, widths: [8, 8], strides: [2, 2], classes: 3, size: 16,
              batch: 8, seed: 1, heldOut: 30}
            optimizer: {rule: sgd, rate: 0.05, momentum: 0.9}
            training: {steps: 4, averageDecay: 0.5}
            """)
        let tensors = try TensorFile.read(output + "/model/model.safetensors")
        #expect(tensors["units.1.norm.running_mean"]?.shape == [8])
        let last = try #require(try MetricsLog.records(at: output + "/metrics.jsonl").last)
        let accuracy = try #require(last.values["evaluation.accuracy"])
        #expect((0...1).contains(accuracy))
        // The curves, as a drawing and as a page that loads nothing.
        let drawing = try String(contentsOfFile: output + "/loss.svg", encoding: .utf8)
        #expect(drawing.hasPrefix("<svg") && drawing.contains("held out"))
        let page = try String(contentsOfFile: output + "/curves.html", encoding: .utf8)
        #expect(page.contains("4 of 4 steps.") && page.contains("images.widths[1]"))
        for title in ["Loss", "Accuracy", "Learning rate", "Speed"] {
            #expect(page.contains(">\(title)</title>"), "no figure \(title)")
        }
        let loads = try Regex("(src|href)=|url\\(|@import|fetch\\(")
        #expect(page.firstMatch(of: loads) == nil)
        // The picture needs rsvg-convert; without it the training goes through all the same.
        if let picture = FileManager.default.contents(atPath: output + "/loss.png") {
            #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        }
    }

    @Test func namesTheLayerThatBreaks() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        // A rate that throws the weights of the first step far beyond what products can hold.
        let error = #expect(throws: TrainingError.self) {
            try train(
                """
                version: 1
                images: {network: plain, widths: [4, 4], strides: [2, 2], classes: 2, size: 8,
                  batch: 4, seed: 1, heldOut: 4}
                optimizer: {rule: adamw, rate: 1.0e+30}
                training: {steps: 5}
                """)
        }
        #expect("\(error!)".contains("step 2: units."), "\(error!)")
    }

    @Test func goesOnOnlyWhenAsked() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let recipe = """
            version: 1
            images: {network: residual, widths: [4, 4], blocks: 1, classes: 2, size: 8, batch: 4,
              seed: 1, heldOut: 4}
            optimizer: {rule: sgd, rate: 0.01}
            training: {steps: 2}
            """
        #expect(throws: RunError.self) { try train(recipe, ["--resume"]) }
        _ = try train(recipe)
        #expect(throws: RunError.self) { try train(recipe) }
        _ = try train(recipe, ["--resume"])
        #expect(throws: RunError.self) {
            try train(recipe.replacing("seed: 1", with: "seed: 2"), ["--resume"])
        }
    }

    @Test func saysWhatIsWrongWithARecipe() {
        defer { try? FileManager.default.removeItem(at: folder) }
        let error = #expect(throws: (any Error).self) {
            try train(
                """
                version: 1
                language: {vocabulary: 320, width: 30, layers: 2, heads: 4, hiddenWidth: 48,
                  context: 32, batch: 4}
                training: {steps: 0}
                """)
        }
        let text = "\(error!)"
        #expect(text.contains("language.heads") && text.contains("training.steps"), "\(text)")
        #expect(text.contains("language.stories"), "\(text)")
    }
}
