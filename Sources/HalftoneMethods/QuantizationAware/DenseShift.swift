import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// Weights `±2^S` without a zero, trained through a latent number for the sign and one for each
/// step of the exponent.
///
/// Gates `t_1 … t_K` give `S_k = (S_{k−1} + 1) · [t_k > 0]` and `S = S_K`; a weight is
/// `sgn(w) · 2^S` with `sgn(0) = 1`. Its gradient is that of `sgn(w) · √(S + 1)` instead, without
/// which large weights learn many times faster than small ones, and steps count as the identity
/// without a window.
///
/// Source: X. Li et al., "DenseShift: Towards Accurate and Efficient Low-Bit Power-of-Two
/// Quantization", arXiv:2208.09708, equations 4 to 12.
public struct DenseShift: Sendable, Hashable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "denseshift", title: "DenseShift",
        paper: Paper(
            title: "DenseShift: Towards Accurate and Transferable Low-Bit Shift Network",
            arXiv: "2208.09708", year: 2022),
        family: .quantizationAwareTraining, stage: .training, needs: [.trainingData, .gradients],
        claims: [
            MethodClaim(
                id: "three-bits-close", "With 3 bits a network is close to float.",
                published: PublishedFigure(
                    "ResNet-18 on ImageNet: 70.62 against 69.8 to 71 in float",
                    source: "a third party's summary, not checked")),
            MethodClaim(
                id: "two-bits-close", "With 2 bits a network is close to float.",
                published: PublishedFigure(
                    "ResNet-18 on ImageNet: 68.90 against 69.8 to 71 in float",
                    source: "a third party's summary, not checked")),
            MethodClaim(
                id: "no-zero-needed",
                "Without a zero, 3 bits are at least as good as 3 bits with one.",
                published: PublishedFigure(
                    "ResNet-18 on ImageNet: 70.62 against 69.51", source: "S3's page")),
            MethodClaim(
                id: "beats-ternary", "Two bits without a zero are better than ternary weights."),
            MethodClaim(
                id: "rescaling-helps", "The rescaled gradient is better than that of 2^S.",
                published: PublishedFigure(
                    "+0.7 points (ResNet-18, 3 bits)",
                    source: "a third party's summary, not checked")),
            MethodClaim(
                id: "small-start-moves",
                "Latents that start small change sign far more often early in training."),
            MethodClaim(
                id: "addition-exact",
                "Adding to the exponent gives the products of multiplication, bit for bit."),
        ])

    /// 2 to 5 bits: the sign and the exponent.
    public let format: ShiftFormat

    /// Whether the gradient is that of `√(S + 1)`; else it is that of `2^S` with its factor ln 2.
    public var rescalesGradient: Bool

    /// The standard deviation that latent numbers start with.
    public var initialDeviation: Float

    /// Creates the method with the paper's settings.
    public init(bits: Int = 3, rescalesGradient: Bool = true, initialDeviation: Float = 1e-3) {
        format = ShiftFormat(bits: bits)
        self.rescalesGradient = rescalesGradient
        self.initialDeviation = initialDeviation
    }

    /// Gates of a weight, `2^(bits−1) − 1`.
    public var gateCount: Int { format.largestShift }
}

extension DenseShift {
    /// Latent numbers to start from: `[1 + gateCount]` and the shape of the weight.
    public func initialLatents(
        _ shape: [Int], using generator: inout some RandomNumberGenerator
    ) -> Tensor {
        .normal(
            [1 + gateCount] + shape, standardDeviation: initialDeviation, using: &generator)
    }

    /// The weights of latent numbers.
    ///
    /// - Parameter latents: The sign's and then the gates', `[1 + gateCount, …]`.
    /// - Returns: `±2^S` in the shape of one latent; the gradient reaches all of them.
    /// - Complexity: O(latents), one pass forward and one back.
    public func weight(_ latents: Tensor) -> Tensor {
        precondition(
            latents.shape.first == 1 + gateCount,
            "\(latents.shape) does not start with \(1 + gateCount) latents")
        let numbers = latents.stopGradient()
        let count = numbers.rowLength
        let value = FloatArray(count: count) { span in
            let latents = numbers.elements.span
            for index in 0..<count {
                let size = Float(1 << shift(latents, index, count))
                span[index] = latents[index] >= 0 ? size : -size
            }
        }
        let shape = Array(latents.shape.dropFirst())
        return Tensor.custom([latents], value: Tensor(shape: shape, elements: value)) { upstream in
            [pullback(upstream.elements, numbers)]
        }
    }

    /// `S` of each weight, from 0 to ``gateCount``.
    public func shifts(_ latents: Tensor) -> [Int] {
        let count = latents.rowLength
        let span = latents.elements.span
        return (0..<count).map { shift(span, $0, count) }
    }

    /// The codes of ``format``, one for each weight.
    public func codes(_ latents: Tensor) -> [UInt8] {
        zip(shifts(latents), latents.elements).map { shift, sign in
            format.code(isNegative: !(sign >= 0), shift: shift)
        }
    }

    private func shift(_ latents: Span<Float>, _ index: Int, _ count: Int) -> Int {
        var shift = 0
        for gate in 1...gateCount { shift = latents[gate * count + index] > 0 ? shift + 1 : 0 }
        return shift
    }

    private func pullback(_ upstream: FloatArray, _ numbers: Tensor) -> Tensor {
        let count = upstream.count
        let result = FloatArray(count: numbers.count) { span in
            let latents = numbers.elements.span
            let upstream = upstream.span
            var before = [Int](repeating: 0, count: gateCount)
            for index in 0..<count {
                var shift = 0
                for gate in 0..<gateCount {
                    before[gate] = shift
                    shift = latents[(gate + 1) * count + index] > 0 ? shift + 1 : 0
                }
                let size: Float
                let slope: Float
                if rescalesGradient {
                    size = Float(shift + 1).squareRoot()
                    slope = 0.5 / size
                } else {
                    size = Float(1 << shift)
                    slope = 0.693_147_2 * size
                }
                span[index] = upstream[index] * size
                var carried = latents[index] >= 0 ? upstream[index] : -upstream[index]
                carried *= slope
                for gate in (0..<gateCount).reversed() {
                    let place = (gate + 1) * count + index
                    span[place] = carried * Float(before[gate] + 1)
                    if !(latents[place] > 0) { carried = 0 }
                }
            }
        }
        return Tensor(shape: numbers.shape, elements: result)
    }
}
