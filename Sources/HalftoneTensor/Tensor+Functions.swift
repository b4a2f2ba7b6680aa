import HalftoneKernels

extension Tensor {
    /// `e^x`, within 1.5 ulp.
    public func exp() -> Tensor { mapped(Functions.Exponential()) }

    /// The natural logarithm, NaN below 0.
    public func log() -> Tensor { mapped(Functions.Logarithm()) }

    /// `√x`, which is NaN below 0; the slope at 0 is infinite.
    public func squareRoot() -> Tensor { mapped(Functions.SquareRoot()) }

    /// `1 / √x`.
    public func reciprocalSquareRoot() -> Tensor { mapped(Functions.ReciprocalSquareRoot()) }

    /// `x²`.
    public func squared() -> Tensor { mapped(Functions.Square()) }

    /// `x^exponent`, as the C library's `pow` has it.
    public func power(_ exponent: Float) -> Tensor {
        exponent == 2 ? squared() : mapped(Functions.Power(exponent: exponent))
    }

    /// `|x|`; the slope at 0 is taken as 0.
    public func abs() -> Tensor { mapped(Functions.Magnitude()) }

    /// −1, 0 or 1; no gradient flows back.
    public func sign() -> Tensor { stopGradient().mapped(Functions.Step(.sign)) }

    /// The nearest integer, halves to the even one; no gradient flows back.
    public func rounded() -> Tensor { stopGradient().mapped(Functions.Step(.nearest)) }

    /// The next integer downwards; no gradient flows back.
    public func floor() -> Tensor { stopGradient().mapped(Functions.Step(.down)) }

    /// The next integer upwards; no gradient flows back.
    public func ceil() -> Tensor { stopGradient().mapped(Functions.Step(.up)) }

    /// `x` within two bounds; the gradient flows where `x` lies between them, ends included.
    public func clamped(to range: ClosedRange<Float>) -> Tensor { mapped(Functions.Clamp(range)) }

    /// `sin x`.
    public func sin() -> Tensor { mapped(Functions.Sine()) }

    /// `cos x`.
    public func cos() -> Tensor { mapped(Functions.Cosine()) }

    /// The error function, `2/√π · ∫₀ˣ e^(−t²) dt`.
    public func erf() -> Tensor { mapped(Functions.Error()) }

    /// `tanh x`, within 3 ulp.
    public func tanh() -> Tensor { mapped(Functions.HyperbolicTangent()) }

    /// `1 / (1 + e^(−x))`.
    public func sigmoid() -> Tensor { mapped(Functions.Sigmoid()) }

    /// `max(x, 0)`; the slope at 0 is taken as 0.
    public func relu() -> Tensor { mapped(Functions.Rectifier()) }

    /// `x` above 0, `slope · x` elsewhere.
    public func leakyReLU(slope: Float = 0.01) -> Tensor {
        mapped(Functions.LeakyRectifier(slope: slope))
    }

    /// The Gaussian error linear unit, of finite values.
    public func gelu(_ form: GELUForm = .erf) -> Tensor {
        switch form {
        case .erf: mapped(Functions.GaussianErrorUnit())
        case .tanh: mapped(Functions.GaussianTanhUnit())
        }
    }

    /// `x · sigmoid(x)`, also called swish.
    public func silu() -> Tensor { mapped(Functions.SigmoidLinearUnit()) }

    /// `log(1 + e^x)`.
    public func softplus() -> Tensor { mapped(Functions.Softplus()) }

    /// A function of each element.
    package func mapped(_ function: any ElementFunction) -> Tensor {
        var value = storage
        Elements.map(function, &value)
        let kept: FloatArray? =
            switch type(of: function).keeps {
            case .nothing: nil
            case .input: storage
            case .output: value
            }
        return Self.recorded(shape, value, order: order, from: [self]) { [order] step in
            var gradient = step.takeUpstream(in: order)
            Elements.pullback(function, &gradient, kept: kept)
            step.add(gradient, in: order, to: 0)
        }
    }
}
