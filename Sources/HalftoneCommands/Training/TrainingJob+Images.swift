import HalftoneData
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor
import HalftoneTraining

extension TrainingJob {
    /// Prepares an image classifier and its generated images, each seen once.
    static func images(
        _ recipe: ImageRecipe, _ whole: TrainRecipe, note: (String) -> Void
    ) throws -> TrainingJob {
        let source = FigureImages(
            shapes: Array(ShapeKind.allCases.prefix(recipe.classes)), size: recipe.size,
            seed: recipe.seed)
        var generator = SeededGenerator(seed: whole.training.seed)
        let model: any Layer =
            switch recipe.network {
            case .plain:
                ConvolutionNetwork(
                    widths: recipe.widths, strides: recipe.strides ?? [], classes: recipe.classes,
                    using: &generator)
            case .residual:
                ResidualNetwork(
                    blocks: recipe.blocks ?? 3, widths: recipe.widths, classes: recipe.classes,
                    using: &generator)
            }
        note("the model has \(model.parameterCount) parameters")
        let optimizer = whole.optimizer.optimizer(for: model, steps: whole.training.steps)
        var prefetcher: Prefetcher<LabelledImages>?
        let trainer = Trainer(model, [optimizer], whole.training) { number -> LabelledImages in
            // Started at the first batch that is asked for: a training may go on in the middle.
            if prefetcher == nil {
                prefetcher = Prefetcher(from: number) { number in
                    source.batch(number * recipe.batch..<(number + 1) * recipe.batch)
                }
            }
            guard let batch = try prefetcher?.next() else {
                throw CommandError("no batch \(number)", .failed)
            }
            return batch
        } loss: { batch, context in
            Loss.crossEntropy(
                model(batch.tensor, context),
                IndexTensor(shape: [batch.count], elements: batch.labels))
        }
        let heldOut = recipe.heldOut ?? 1000
        trainer.evaluate = { context in
            var (right, loss) = (0, 0.0)
            for start in stride(from: 0, to: heldOut, by: recipe.batch) {
                let batch = source.batch(
                    start..<min(start + recipe.batch, heldOut), of: .heldOut)
                let logits = model(batch.tensor, context)
                let classes = IndexTensor(shape: [batch.count], elements: batch.labels)
                loss += Double(Loss.crossEntropy(logits, classes, reduction: .sum).item)
                for (row, label) in batch.labels.enumerated() {
                    let scores = logits.elements[
                        row * recipe.classes..<(row + 1) * recipe.classes]
                    let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
                    if best - row * recipe.classes == Int(label) { right += 1 }
                }
            }
            return [
                "accuracy": Double(right) / Double(heldOut), "loss": loss / Double(heldOut),
            ]
        }
        return TrainingJob(
            trainer,
            unitsPerStep: (recipe.batch * whole.training.accumulation, "images"),
            files: [("config.json", configuration(recipe))])
    }

    /// The `config.json` of a classifier's folder.
    private static func configuration(_ recipe: ImageRecipe) -> JSONValue {
        [
            "model_type": .string(
                recipe.network == .plain ? "halftone_convolution" : "halftone_residual"),
            "num_channels": 3, "image_size": .integer(recipe.size),
            "num_labels": .integer(recipe.classes),
            "widths": .array(recipe.widths.map { .integer($0) }),
            "strides": recipe.strides.map { .array($0.map { .integer($0) }) } ?? .null,
            "blocks": recipe.network == .plain ? .null : .integer(recipe.blocks ?? 3),
            "labels": .array(
                ShapeKind.allCases.prefix(recipe.classes).map { .string("\($0)") }),
        ]
    }
}

extension LabelledImages {
    /// The pixels, moved from 0 … 1 to −1 … 1.
    fileprivate var tensor: Tensor {
        Tensor(shape: [count, channels, height, width], elements: pixels) * 2 - 1
    }
}
