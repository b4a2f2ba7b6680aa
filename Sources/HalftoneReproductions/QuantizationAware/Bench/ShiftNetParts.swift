import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// A small residual network whose inner convolutions have weights of a chosen kind.
struct ShiftNetParts: NetParts {
    /// What the weights of inner convolutions are.
    enum Weights: Sendable, Equatable {
        case float
        /// `±2^S`.
        case dense(DenseShift)
        /// `±2^S` with a gate that makes 0 of it.
        case gated
        /// −1, 0 and 1 with a scale.
        case ternary
    }

    let weights: Weights
    var generator: SeededGenerator

    mutating func convolution(
        _ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool
    ) -> any Layer {
        let layer = floatConvolution(ins, outs, kernel: kernel, stride: stride)
        guard !isFirst else { return layer }
        switch weights {
        case .float: break
        case .dense(let method):
            layer.weightTransform = DenseShiftWeight(
                layer.weight.shape, method: method, using: &generator)
        case .gated:
            layer.weightTransform = GatedShiftWeight(layer.weight.shape, using: &generator)
        case .ternary: layer.weightTransform = TernaryWeight()
        }
        return layer
    }

    mutating func norm(_ channels: Int) -> any Layer { BatchNorm(channels: channels) }

    mutating func activation() -> (any Layer)? { nil }
}

/// Shift weights of 3 bits with a zero, `{0, ±1, ±2, ±4}`: the form that DenseShift replaces.
///
/// Latents of a sign, of a gate for zero and of two steps of the exponent. Sign and steps have
/// DenseShift's gradient, so that only the zero differs; its gate has that of a factor.
///
/// Source: X. Li et al., "S3: Sign-Sparse-Shift Reparametrization for Effective Training of
/// Low-bit Shift Networks", arXiv:2107.03453, equations 3 to 7.
final class GatedShiftWeight: WeightTransform {
    private let shift: DenseShiftWeight
    private let gate: Parameter

    init(_ shape: [Int], using generator: inout SeededGenerator) {
        let method = DenseShift(bits: 3)
        shift = DenseShiftWeight(shape, method: method, using: &generator)
        gate = Parameter(
            .normal(shape, standardDeviation: method.initialDeviation, using: &generator))
    }

    var parts: Parts { ["shift": shift, "gate": gate] }

    var replacesWeight: Bool { true }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let latents = context.value(of: shift.latents)
        // With a first gate that is shut, S counts the other two: 0, 1, 2.
        let shut = Tensor.filled([1] + gate.shape, with: -1)
        let used = Tensor.concatenate([latents.rows(0..<1), shut, latents.rows(2..<4)])
        let weight = shift.method.weight(used)
        let gate = context.value(of: gate)
        return weight * gate.taking(value: gate .> 0)
    }
}
