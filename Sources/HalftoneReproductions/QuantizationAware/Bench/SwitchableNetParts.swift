import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// A small residual network that computes at several widths.
struct SwitchableNetParts: NetParts {
    let method: DoubleRounding
    let width: BitWidth
    var generator: SeededGenerator

    mutating func convolution(
        _ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool
    ) -> any Layer {
        let layer = floatConvolution(ins, outs, kernel: kernel, stride: stride)
        if !isFirst {
            layer.weightTransform = SwitchableWeight(layer.weight, method: method, width: width)
        }
        return layer
    }

    mutating func norm(_ channels: Int) -> any Layer {
        SwitchableNorm(channels: channels, width: width)
    }

    mutating func activation() -> (any Layer)? {
        SwitchableActivation(method: method, width: width)
    }
}

/// The weights of stored codes in place of those that training computes.
final class StoredWeight: WeightTransform {
    private let codes: [Int8]
    private let shape: [Int]
    private let scale: Float
    private let method: DoubleRounding
    private let width: BitWidth

    init(_ weight: Tensor, _ trained: SwitchableWeight) {
        method = trained.method
        width = trained.width
        scale = trained.scale.value.item
        shape = weight.shape
        codes = method.storedCodes(weight, scale: scale)
    }

    var parts: Parts { [:] }

    var replacesWeight: Bool { true }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        method.values(codes, shape: shape, scale: scale, bits: width.bits ?? method.highestBits)
    }
}
