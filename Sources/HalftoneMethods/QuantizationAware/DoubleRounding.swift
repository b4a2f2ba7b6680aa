import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// One set of integer weights that serves every width: lower widths come from the highest by a
/// second rounding.
///
/// `high = clip(round(w / s))` at the highest width, `low = clip((high + 2^(D−1)) >> D)` at `D`
/// bits less, and the value `low · s · 2^D`. One learned scale serves all widths, with the
/// gradient of LSQ at the width that is trained. Activations have a scale and a zero per width.
///
/// Source: "Nearly Lossless Adaptive Bit Switching", arXiv:2502.01199, equations
/// 1 to 9. Halves are rounded up in the second rounding, as adding and shifting integers does.
public struct DoubleRounding: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "double-rounding", title: "Double Rounding",
        paper: Paper(
            title: "Nearly Lossless Adaptive Bit Switching", arXiv: "2502.01199", year: 2025),
        family: .quantizationAwareTraining, stage: .training, needs: [.trainingData, .gradients],
        claims: [
            MethodClaim(
                id: "stored-once",
                "All widths follow from the stored 8-bit codes, with the logits of training."),
            MethodClaim(
                id: "beats-floor",
                "At 2 bits rounding twice is better than dropping bits; at 8 bits it loses "
                    + "nothing."),
            MethodClaim(
                id: "joint-as-separate",
                "One model for all widths is nearly as good as a model for each.",
                published: PublishedFigure(
                    "ResNet-20 on CIFAR-10: 92.25, 92.32, 92.09, 90.19 at 8, 6, 4, 2 bits "
                        + "against 92.30 in float", source: "paper")),
            MethodClaim(
                id: "adaptive-rates",
                "Learning rates of scales that follow their gradients help at 2 bits.",
                published: PublishedFigure(
                    "90.19 against 89.67 (ResNet-20 on CIFAR-10)", source: "paper")),
            MethodClaim(
                id: "hessian-sampling",
                "Layers of mixed widths, 3 bits in the mean, are better when training drew widths "
                    + "by Hessian traces than when it drew them evenly.",
                published: PublishedFigure(
                    "68.85 against Bit-Mixer's 62.90 (ResNet-18 on ImageNet)", source: "paper")),
        ])

    /// How the codes of a lower width are made.
    public enum Switching: String, Sendable, Hashable, CaseIterable, Codable {
        /// `(high + 2^(D−1)) >> D`.
        case rounding
        /// `high >> D`: what is lost when bits are simply dropped; a baseline.
        case floor
    }

    /// The width that is stored, 2 to 8 bits.
    public let highestBits: Int

    /// How the codes of a lower width are made.
    public var switching: Switching

    /// Creates the method.
    public init(highestBits: Int = 8, switching: Switching = .rounding) {
        precondition((2...8).contains(highestBits), "codes have 2 to 8 bits, not \(highestBits)")
        self.highestBits = highestBits
        self.switching = switching
    }
}

extension DoubleRounding {
    /// The codes to store.
    ///
    /// - Parameters:
    ///   - weight: Of any shape.
    ///   - scale: Above 0.
    public func storedCodes(_ weight: Tensor, scale: Float) -> [Int8] {
        weight.codes(step: Tensor(scale), codes: .signed(bits: highestBits)).elements
            .map { Int8($0) }
    }

    /// The code of a lower width.
    ///
    /// - Parameters:
    ///   - high: A stored code.
    ///   - bits: At most ``highestBits``.
    @inlinable
    public func code(_ high: Int8, bits: Int) -> Int8 {
        let drop = highestBits - bits
        let half = switching == .rounding ? (1 << drop) >> 1 : 0
        let code = (Int(high) + half) >> drop
        return Int8(min(max(code, -(1 << (bits - 1))), (1 << (bits - 1)) - 1))
    }

    /// The weights of stored codes at a width, which needs no float weights.
    public func values(_ stored: [Int8], shape: [Int], scale: Float, bits: Int) -> Tensor {
        let step = Float(1 << (highestBits - bits)) * scale
        return Tensor(shape: shape, elements: stored.map { Float(code($0, bits: bits)) * step })
    }

    /// The weights at a width, with gradients: bit for bit ``values(_:shape:scale:bits:)`` of the
    /// stored codes.
    ///
    /// - Parameters:
    ///   - weight: Of any shape.
    ///   - scale: One positive number, learned; that of the highest width.
    ///   - bits: 2 up to ``highestBits``.
    /// - Returns: In the shape of `weight`. With `v = w / (s · 2^D)` and the outermost codes `n`
    ///   and `p`: the weight's gradient is 1 for `n < v < p`, else 0; the scale's is
    ///   `2^D · (code − v)` there, else `2^D · n` or `2^D · p`, summed.
    public func weight(_ weight: Tensor, scale: Tensor, bits: Int) -> Tensor {
        precondition((2...highestBits).contains(bits), "\(bits) bits of \(highestBits)")
        let codes = CodeRange.signed(bits: bits)
        let span = Float(1 << (highestBits - bits))
        let step = span * scale.item
        let stored = storedCodes(weight.stopGradient(), scale: scale.item)
        let low = FloatArray(stored.lazy.map { Float(code($0, bits: bits)) })
        let value = FloatArray(low.lazy.map { $0 * step })
        let (numbers, scaleShape) = (weight.elements, scale.shape)
        let (lowest, highest) = (Float(codes.lowest), Float(codes.highest))
        return Tensor.custom(
            [weight, scale], value: Tensor(shape: weight.shape, elements: value)
        ) { upstream in
            var slope = 0.0
            let gradient = FloatArray(count: numbers.count) { output in
                let (numbers, low) = (numbers.span, low.span)
                let upstream = upstream.elements.span
                for index in numbers.indices {
                    let scaled = numbers[index] / step
                    let isInside = scaled > lowest && scaled < highest
                    output[index] = isInside ? upstream[index] : 0
                    let share =
                        isInside ? low[index] - scaled : scaled <= lowest ? lowest : highest
                    slope += Double(upstream[index] * share)
                }
            }
            return [
                Tensor(shape: upstream.shape, elements: gradient),
                .filled(scaleShape, with: Float(slope * Double(span))),
            ]
        }
    }

    /// Activations at a width: `clip(round((x − zero) / scale), 0, 2^bits − 1) · scale + zero`.
    ///
    /// - Parameters:
    ///   - x: Activations of any shape.
    ///   - scale: One positive number, learned, for this width alone.
    ///   - zero: One number, learned; nil for 0, as after a rectifier.
    ///   - bits: The width.
    public func activation(
        _ x: Tensor, scale: Tensor, zero: Tensor? = nil, bits: Int
    ) -> Tensor {
        let codes = CodeRange.unsigned(bits: bits)
        guard let zero else { return x.simulated(step: scale, codes: codes, rule: LearnedStep()) }
        return (x - zero).simulated(step: scale, codes: codes, rule: LearnedStep()) + zero
    }
}

extension DoubleRounding {
    /// The factor of a width in ``rate(base:gradients:bits:floor:)``: `10^(−D/2)` for an even
    /// number `D` of dropped bits, `5 · 10^(−(D+1)/2)` for an odd one.
    public func factor(bits: Int) -> Double {
        let drop = highestBits - bits
        let exact = [1, 0.1, 0.01, 0.001, 0.0001]
        return drop % 2 == 0 ? exact[drop / 2] : 5 * exact[(drop + 1) / 2]
    }

    /// The learning rate of all scales at a width, adapted to their gradients.
    ///
    /// - Parameters:
    ///   - base: The weights' learning rate.
    ///   - gradients: One for the scale of each layer.
    ///   - bits: The width.
    ///   - floor: The least rate. As printed the rate is negative once gradients exceed the base;
    ///     nil leaves it so.
    public func rate(base: Double, gradients: [Double], bits: Int, floor: Double?) -> Double {
        let mean =
            gradients.reduce(0) { $0 + min($1.magnitude, 1) } / Double(max(gradients.count, 1))
        let rate = factor(bits: bits) * (base - mean)
        return floor.map { max(rate, $0) } ?? rate
    }
}
