import HalftoneData
import HalftoneKernels
import HalftoneNN
import HalftoneTensor

/// Predicts a byte from those before it: looked up, joined, and put through linear layers.
///
/// Source: Y. Bengio et al., "A Neural Probabilistic Language Model", JMLR 3, 2003.
final class ByteModel: Module {
    /// Bytes that are looked at.
    static let window = 12

    private let table: Embedding
    private let body: any Layer

    init(width: Int, body: any Layer, using generator: inout SeededGenerator) {
        table = Embedding(rows: 128, width: width, initializer: .normal(1), using: &generator)
        self.body = body
    }

    var parts: Parts { ["table": table, "body": body] }

    /// `[batch, window]` bytes to `[batch, 128]` logits.
    func callAsFunction(_ bytes: IndexTensor, _ context: ForwardContext) -> Tensor {
        let rows = table(bytes, context)
        return body(rows.reshaped([rows.shape[0], -1]), context)
    }
}

/// Text of small stories as bytes below 128.
struct ByteTask {
    private let training: [Int32]
    private let heldOut: [Int32]

    init(seed: UInt64, training: Int, heldOut: Int) {
        self.training = Self.bytes(seed, .training, training)
        self.heldOut = Self.bytes(seed, .heldOut, heldOut)
    }

    private static func bytes(
        _ seed: UInt64, _ split: StoryText.Split, _ count: Int
    ) -> [Int32] {
        let text = StoryText(seed: seed, chatPercentage: 0)
        var bytes: [Int32] = []
        var index = 0
        while bytes.count < count {
            bytes += text.document(at: index, of: split).text.utf8.map { Int32($0 & 127) } + [10]
            index += 1
        }
        return Array(bytes.prefix(count))
    }

    private static func batch(
        _ bytes: [Int32], _ places: [Int]
    ) -> (inputs: IndexTensor, targets: IndexTensor) {
        let window = ByteModel.window
        return (
            IndexTensor(
                shape: [places.count, window],
                elements: places.flatMap { bytes[$0..<$0 + window] }),
            IndexTensor(shape: [places.count], elements: places.map { bytes[$0 + window] })
        )
    }

    /// Trains a model for some steps.
    func train(
        _ model: ByteModel, _ optimizer: Optimizer, steps: Int, batchSize: Int, seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<steps {
            let places = (0..<batchSize).map { _ in
                Int.random(in: 0..<training.count - ByteModel.window, using: &generator)
            }
            let (inputs, targets) = Self.batch(training, places)
            let context = ForwardContext(isTraining: true)
            let loss = Loss.crossEntropy(model(inputs, context), targets)
            optimizer.step(context.gradients(of: loss))
        }
    }

    /// The mean loss in nats over the text that was not trained on, at every place.
    func loss(_ model: ByteModel) -> Double {
        let count = heldOut.count - ByteModel.window
        var sum = 0.0
        for start in stride(from: 0, to: count, by: 500) {
            let places = Array(start..<min(start + 500, count))
            let (inputs, targets) = Self.batch(heldOut, places)
            let losses = model(inputs, ForwardContext()).crossEntropy(targets)
            sum += Double(losses.sum().item)
        }
        return sum / Double(count)
    }
}
