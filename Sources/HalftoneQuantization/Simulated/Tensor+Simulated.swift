import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

extension Tensor {
    /// The levels nearest to the numbers, with a gradient: a quantizer and its inverse.
    ///
    ///     let w = weight.simulated(
    ///         step: weight.symmetricStep(.symmetric(bits: 4), axis: 0),
    ///         codes: .symmetric(bits: 4), rule: StraightThrough())
    ///
    /// - Parameters:
    ///   - step: The distance between levels, above 0; repeats to this tensor's shape, as one
    ///     number for all, `[channels, 1, 1, 1]` and so on.
    ///   - codes: The levels, in steps.
    ///   - ties: What happens halfway between two codes.
    ///   - rule: What flows back to the numbers and to the step.
    /// - Returns: `step · code` for each number, in this tensor's shape.
    /// - Complexity: One pass forward, one for each gradient that is asked for; keeps the numbers
    ///   until then.
    public func simulated(
        step: Tensor, codes: CodeRange, ties: TieRule = .toEven,
        rule: some GradientRule = ClippedStraightThrough()
    ) -> Tensor {
        let broadcast = Self.lineUp(step, with: shape)
        let value = Elements.combine(
            PairFunctions.FakeRound(codes: codes.lowest...codes.highest, tiesUp: ties == .up),
            broadcast, elements, step.elements)
        let point = RoundingPoint(
            x: stopGradient(), step: step.stopGradient(), codes: codes, ties: ties)
        return Self.recorded(shape, value, from: [self, step]) { record in
            let upstream = Tensor(shape: point.x.shape, elements: record.takeUpstream())
            if record.isWanted(0) {
                record.add(rule.inputGradient(upstream, at: point).elements, to: 0)
            }
            if record.isWanted(1), let gradient = rule.stepGradient(upstream, at: point) {
                let sum = Self.summed(
                    gradient.elements, from: point.x.shape, to: point.step.shape)
                record.add(sum, to: 1)
            }
        }
    }

    /// The codes nearest to the numbers, as floats; no gradient flows back.
    public func codes(step: Tensor, codes: CodeRange, ties: TieRule = .toEven) -> Tensor {
        let function = PairFunctions.RoundCodes(
            codes: codes.lowest...codes.highest, tiesUp: ties == .up)
        let value = Elements.combine(
            function, Self.lineUp(step, with: shape), elements, step.elements)
        return Tensor(shape: shape, elements: value)
    }

    /// Another tensor's numbers with this tensor's gradient: value there, gradient here.
    ///
    /// What flows back to the result flows back to this tensor as it is, and nothing to the other.
    ///
    /// - Parameter value: In this tensor's shape.
    public func taking(value: Tensor) -> Tensor {
        precondition(value.shape == shape, "shapes \(value.shape) and \(shape) differ")
        return Tensor.custom([self], value: value) { [$0] }
    }

    /// The numbers rounded down or up at random, with the number itself as the mean.
    ///
    /// - Parameter generator: Gives 64 bits per number.
    /// - Returns: Integers; no gradient flows back.
    public func stochasticallyRounded(
        using generator: inout some RandomNumberGenerator
    ) -> Tensor {
        (stopGradient() + Tensor.uniform(shape, in: 0...1, using: &generator)).floor()
    }

    private static func lineUp(_ step: Tensor, with shape: [Int]) -> Broadcast {
        precondition(
            Broadcast.shape(shape, step.shape) == shape,
            "steps of shape \(step.shape) do not repeat to \(shape)")
        return Broadcast(shape, step.shape, shape: shape)
    }
}

extension Tensor {
    /// The smallest steps with which no number is clamped, when the codes mirror each other.
    ///
    /// - Parameters:
    ///   - codes: With a highest code above 0.
    ///   - axis: Each index of it gets a step of its own; nil gives one for all.
    /// - Returns: Largest magnitude over highest code, at least 2⁻¹⁰⁰, in a shape that repeats to
    ///   this tensor's; a constant for the gradient.
    public func symmetricStep(_ codes: CodeRange, axis: Int? = nil) -> Tensor {
        let sizes = stopGradient().abs()
        let largest: Tensor
        if let axis {
            let kept = axis < 0 ? axis + rank : axis
            let others = shape.indices.filter { $0 != kept }
            largest = others.isEmpty ? sizes : sizes.max(axes: others, keepDimensions: true)
        } else {
            largest = sizes.max()
        }
        return (largest / Tensor(Float(codes.highest)))
            .clamped(to: 0x1p-100...Float.greatestFiniteMagnitude)
    }
}
