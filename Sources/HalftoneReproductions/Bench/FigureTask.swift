import HalftoneData
import HalftoneKernels
import HalftoneNN
import HalftoneTensor

/// Pictures to classify, held in memory, with the loop that trains on them.
struct FigureTask {
    /// Pictures `[count, channels, size, size]` from −1 to 1, and their classes.
    let training: (pictures: Tensor, classes: [Int32])
    /// The same of pictures that are never trained on.
    let heldOut: (pictures: Tensor, classes: [Int32])

    /// The number of classes.
    let classes: Int

    /// Makes the pictures.
    init(_ images: FigureImages, training: Int, heldOut: Int) {
        classes = images.forms.count
        self.training = Self.tensors(images.batch(0..<training, of: .training))
        self.heldOut = Self.tensors(images.batch(0..<heldOut, of: .heldOut))
    }

    private static func tensors(_ images: LabelledImages) -> (Tensor, [Int32]) {
        let shape = [images.count, images.channels, images.height, images.width]
        let pixels = FloatArray(images.pixels.lazy.map { $0 * 2 - 1 })
        return (Tensor(shape: shape, elements: pixels), images.labels)
    }

    /// Trains a model for some steps.
    ///
    /// - Parameters:
    ///   - seed: Of the order of the pictures.
    ///   - each: Called before each step with its number and the share of the training done.
    /// - Returns: The mean loss over the last tenth of the steps.
    @discardableResult
    func train(
        _ model: any Layer, _ optimizer: Optimizer, steps: Int, batchSize: Int, seed: UInt64,
        each: (_ step: Int, _ share: Double) -> Void = { _, _ in }
    ) -> Double {
        let plan = BatchPlan(exampleCount: training.classes.count, batchSize: batchSize, seed: seed)
        var last: (sum: Double, count: Int) = (0, 0)
        for step in 0..<steps {
            each(step, Double(step) / Double(steps))
            let (loss, gradients) = self.gradients(model, plan[step])
            optimizer.step(gradients)
            if step >= steps - max(1, steps / 10) { last = (last.sum + loss, last.count + 1) }
        }
        return last.sum / Double(max(last.count, 1))
    }

    /// The loss of one batch and its gradients; running statistics move.
    func gradients(_ model: any Layer, _ examples: [Int]) -> (loss: Double, gradients: Gradients) {
        let context = ForwardContext(isTraining: true)
        let pictures = training.pictures.selecting(IndexTensor(examples))
        let classes = IndexTensor(examples.map { Int(training.classes[$0]) })
        let loss = Loss.crossEntropy(model(pictures, context), classes)
        let value = Double(loss.item)
        let gradients = context.gradients(of: loss)
        context.applyBufferUpdates()
        return (value, gradients)
    }

    /// The classes that a model gives to pictures that were not trained on.
    func predictions(_ model: any Layer) -> [Int] {
        Self.classes(logits(model))
    }

    /// The logits of pictures that were not trained on.
    func logits(_ model: any Layer) -> Tensor {
        let count = heldOut.classes.count
        let parts = stride(from: 0, to: count, by: 250).map { start in
            model(
                heldOut.pictures.rows(start..<min(start + 250, count)), ForwardContext())
        }
        return Tensor.concatenate(parts)
    }

    /// The share of pictures that were not trained on whose class is right.
    func accuracy(_ model: any Layer) -> Double { accuracy(predictions(model)) }

    /// The share of classes that are right.
    func accuracy(_ predictions: [Int]) -> Double {
        let right = zip(predictions, heldOut.classes).count { $0 == Int($1) }
        return Double(right) / Double(heldOut.classes.count)
    }

    /// The place of the largest logit of each row.
    static func classes(_ logits: Tensor) -> [Int] {
        (0..<logits.shape[0]).map { row in
            let values = logits[row: row].elements
            return values.indices.max { values[$0] < values[$1] } ?? 0
        }
    }
}
