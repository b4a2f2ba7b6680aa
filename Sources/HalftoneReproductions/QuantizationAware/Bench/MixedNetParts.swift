import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// A small residual network whose inner convolutions each have a width of their own.
///
/// A convolution has the width of the activations that it reads; so a shortcut shares that of the
/// convolution beside it, and the classifier reads activations of the highest width.
struct MixedNetParts: NetParts {
    let method: DoubleRounding
    /// The widths that there are.
    let choices: [Int]
    var generator: SeededGenerator

    /// The width of each unit, in the order in which pictures meet them.
    private(set) var widths: [BitWidth] = []
    /// The convolutions of each unit.
    private(set) var members: [[Conv2d]] = []

    /// That of the activations made last, which the next convolution has too.
    private var upcoming: BitWidth
    /// The width of the first convolution, then those of ``widths``.
    private var path: [BitWidth]
    /// The widths before and of the convolution made last, for its norm.
    private var last: (previous: BitWidth, width: BitWidth)

    init(method: DoubleRounding, choices: [Int], generator: SeededGenerator) {
        self.method = method
        self.choices = choices
        self.generator = generator
        let first = BitWidth(choices)
        (upcoming, path, last) = (first, [first], (first, first))
    }

    mutating func convolution(
        _ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool
    ) -> any Layer {
        let layer = floatConvolution(ins, outs, kernel: kernel, stride: stride)
        guard !isFirst else { return layer }
        let unit: Int
        if kernel == 1 {
            // Made after both convolutions of its block; it stands beside the first.
            unit = widths.count - 2
        } else {
            unit = widths.count
            widths.append(upcoming)
            members.append([])
            path.append(upcoming)
        }
        members[unit].append(layer)
        last = (path[unit], widths[unit])
        layer.weightTransform = SwitchableWeight(
            layer.weight, method: method, width: widths[unit])
        return layer
    }

    mutating func norm(_ channels: Int) -> any Layer {
        TransitionNorm(channels: channels, previous: last.previous, width: last.width)
    }

    mutating func activation() -> (any Layer)? {
        upcoming = BitWidth(choices)
        return SwitchableActivation(method: method, width: upcoming)
    }
}
