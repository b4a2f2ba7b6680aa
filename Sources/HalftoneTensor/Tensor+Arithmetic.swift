import HalftoneKernels

// Two operands repeat along dimensions of length 1 and missing leading ones, as in NumPy; shapes
// that do not fit are a mistake of the caller.

extension Tensor {
    /// The sum of each pair.
    public static func + (left: Tensor, right: Tensor) -> Tensor {
        combine(PairFunctions.Sum(), left, right, keeps: .nothing)
    }

    /// The difference of each pair.
    public static func - (left: Tensor, right: Tensor) -> Tensor {
        combine(PairFunctions.Difference(), left, right, keeps: .nothing)
    }

    /// The product of each pair.
    public static func * (left: Tensor, right: Tensor) -> Tensor {
        combine(PairFunctions.Product(), left, right, keeps: .other)
    }

    /// The quotient of each pair.
    public static func / (left: Tensor, right: Tensor) -> Tensor {
        combine(PairFunctions.Quotient(), left, right, keeps: .both)
    }

    /// The left to the power of the right, for each pair.
    ///
    /// The gradient of the exponent is NaN for a negative base.
    public func power(_ exponent: Tensor) -> Tensor {
        Self.combine(PairFunctions.Power(), self, exponent, keeps: .both)
    }

    /// The smaller of each pair, NaN when one is; equal ones share the gradient.
    public static func minimum(_ left: Tensor, _ right: Tensor) -> Tensor {
        combine(PairFunctions.Extreme(isLargest: false), left, right, keeps: .both)
    }

    /// The larger of each pair, NaN when one is; equal ones share the gradient.
    public static func maximum(_ left: Tensor, _ right: Tensor) -> Tensor {
        combine(PairFunctions.Extreme(isLargest: true), left, right, keeps: .both)
    }

    /// Adds in place, in the shape of the left.
    public static func += (left: inout Tensor, right: Tensor) { left = left + right }

    /// Subtracts in place, in the shape of the left.
    public static func -= (left: inout Tensor, right: Tensor) { left = left - right }

    /// Multiplies in place, in the shape of the left.
    public static func *= (left: inout Tensor, right: Tensor) { left = left * right }

    /// Divides in place, in the shape of the left.
    public static func /= (left: inout Tensor, right: Tensor) { left = left / right }

    /// `silu(gate) · up` for each pair, `gate` being this tensor; keeps only the two.
    public func siluMultiply(_ up: Tensor) -> Tensor {
        Self.combine(PairFunctions.GatedSigmoidUnit(), self, up, keeps: .both)
    }
}

extension Tensor {
    /// Each element and a number.
    public static func + (left: Tensor, right: Float) -> Tensor {
        left.mapped(Functions.Linear(offset: right))
    }

    /// A number and each element.
    public static func + (left: Float, right: Tensor) -> Tensor { right + left }

    /// Each element less a number.
    public static func - (left: Tensor, right: Float) -> Tensor { left + -right }

    /// A number less each element.
    public static func - (left: Float, right: Tensor) -> Tensor {
        right.mapped(Functions.Linear(factor: -1, offset: left))
    }

    /// Each element times a number.
    public static func * (left: Tensor, right: Float) -> Tensor {
        left.mapped(Functions.Linear(factor: right, offset: -0.0))
    }

    /// A number times each element.
    public static func * (left: Float, right: Tensor) -> Tensor { right * left }

    /// Each element times the reciprocal of a number, which may differ from the quotient by 1 ulp.
    public static func / (left: Tensor, right: Float) -> Tensor { left * (1 / right) }

    /// A number divided by each element.
    public static func / (left: Float, right: Tensor) -> Tensor {
        right.mapped(Functions.Reciprocal(numerator: left))
    }

    /// The negative of each element.
    public static prefix func - (operand: Tensor) -> Tensor { operand * -1 }
}

extension Tensor {
    /// What the gradients of a function of two numbers are computed from.
    package enum Operands: Sendable {
        case nothing
        /// That of the first from the second, and the other way round.
        case other
        case both
    }

    /// A function of each pair of elements.
    ///
    /// With `.nothing` the function is a sum or a difference.
    package static func combine(
        _ function: any PairFunction, _ x: Tensor, _ y: Tensor, keeps: Operands
    ) -> Tensor {
        guard let shape = Broadcast.shape(x.shape, y.shape) else {
            preconditionFailure("shapes \(x.shape) and \(y.shape) do not fit together")
        }
        let pair = OperandPair(x, y, shape: shape)
        let broadcast = Broadcast(pair.x.shape, pair.y.shape, shape: pair.shape)
        let value = Elements.combine(function, broadcast, pair.x.elements, pair.y.elements)
        let order = pair.order
        guard x.isTracked || y.isTracked else {
            return Tensor(shape: shape, elements: value, order: order, node: nil)
        }
        let (xLies, yLies, lies) = (pair.x.place, pair.y.place, pair.shape)
        if keeps == .nothing {
            let isDifference = function is PairFunctions.Difference
            return recorded(shape, value, order: order, from: [x, y]) { step in
                if step.isWanted(0) {
                    let gradient = step.upstream(in: order)
                    step.add(
                        summed(gradient, from: lies, to: xLies.shape), in: xLies.order, to: 0)
                }
                guard step.isWanted(1) else { return }
                var gradient = summed(step.takeUpstream(in: order), from: lies, to: yLies.shape)
                if isDifference { Elements.map(Functions.Linear(factor: -1), &gradient) }
                step.add(gradient, in: yLies.order, to: 1)
            }
        }
        // One operand may stand in for the other where that is not looked at.
        let keepsX = keeps == .both || y.isTracked
        let keepsY = keeps == .both || x.isTracked
        let kept = (x: keepsX ? pair.x : pair.y, y: keepsY ? pair.y : pair.x)
        let lines = Broadcast(kept.x.shape, kept.y.shape, shape: lies)
        return recorded(shape, value, order: order, from: [x, y]) { step in
            if step.isWanted(0) {
                var gradient =
                    step.isWanted(1) ? step.upstream(in: order) : step.takeUpstream(in: order)
                Elements.pullback(
                    function, .first, lines, &gradient, kept.x.elements, kept.y.elements)
                step.add(summed(gradient, from: lies, to: xLies.shape), in: xLies.order, to: 0)
            }
            if step.isWanted(1) {
                var gradient = step.takeUpstream(in: order)
                Elements.pullback(
                    function, .second, lines, &gradient, kept.x.elements, kept.y.elements)
                step.add(summed(gradient, from: lies, to: yLies.shape), in: yLies.order, to: 1)
            }
        }
    }

    /// Sums what was repeated from one shape to another.
    package static func summed(_ x: FloatArray, from shape: [Int], to target: [Int]) -> FloatArray {
        if x.count == target.reduce(1, *), shape.count >= target.count { return x }
        let missing = shape.count - target.count
        let axes = shape.indices.filter { $0 < missing || target[$0 - missing] != shape[$0] }
        return reduce(.sum, x, shape: shape, axes: axes)
    }
}
