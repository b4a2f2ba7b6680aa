import HalftoneNN
import HalftoneTensor

/// Linear layers with ReLU between them: `layers.0.weight`, `layers.0.bias` and so on.
final class LinearStack: Layer {
    private let layers: [Linear]
    private let isLastRectified: Bool

    /// - Parameters:
    ///   - widths: Of the input, of every hidden layer and of the output.
    ///   - isLastRectified: Whether ReLU follows the last layer too.
    init(
        _ widths: [Int], isLastRectified: Bool = false, using generator: inout SeededGenerator
    ) {
        layers = zip(widths, widths.dropFirst()).map { inputs, outputs in
            Linear(inputs, outputs, initializer: .kaimingNormal, using: &generator)
        }
        self.isLastRectified = isLastRectified
    }

    var parts: Parts { .list("layers", layers) }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        layers.enumerated().reduce(x) { x, entry in
            let sums = entry.element(x, context)
            return isLastRectified || entry.offset + 1 < layers.count ? sums.relu() : sums
        }
    }

    /// The same computation with given parameters.
    static func logits(_ x: Tensor, _ parameters: [String: Tensor]) -> Tensor {
        let count = parameters.keys.count { $0.hasSuffix("weight") }
        return (0..<count).reduce(x) { x, index in
            guard let weight = parameters["layers.\(index).weight"],
                let bias = parameters["layers.\(index).bias"]
            else { preconditionFailure("a layer is missing") }
            let sums = x.matmul(weight, transposingSecond: true) + bias
            return index + 1 < count ? sums.relu() : sums
        }
    }
}
