import HalftoneTensor

/// A map that is linear in an input and in a weight, with its two gradients as maps of their own.
///
/// Low-precision training quantizes the operands of all three apart.
public protocol Product: Sendable {
    /// The product; recorded when an operand is tracked.
    func value(_ input: Tensor, _ weight: Tensor) -> Tensor

    /// The gradient of the input, from that of the product.
    func inputGradient(_ upstream: Tensor, _ weight: Tensor, shape: [Int]) -> Tensor

    /// The gradient of the weight, from that of the product.
    func weightGradient(_ upstream: Tensor, _ input: Tensor, shape: [Int]) -> Tensor
}

extension Product {
    /// The gradient of the input by the recorded product with zeros in its place, which it is the
    /// same for.
    public func inputGradient(_ upstream: Tensor, _ weight: Tensor, shape: [Int]) -> Tensor {
        let input = Tensor.zeros(shape).tracked()
        return value(input, weight.stopGradient()).gradients(for: [input], upstream: upstream)[0]
    }

    /// The gradient of the weight by the recorded product with zeros in its place.
    public func weightGradient(_ upstream: Tensor, _ input: Tensor, shape: [Int]) -> Tensor {
        let weight = Tensor.zeros(shape).tracked()
        return value(input.stopGradient(), weight).gradients(for: [weight], upstream: upstream)[0]
    }
}

/// How a product and its gradients are computed: where low precision enters at each site.
public protocol ProductRule: Module {
    /// The product of two operands, with a gradient rule for both.
    func compute(
        _ product: some Product, _ input: Tensor, _ weight: Tensor, _ context: ForwardContext
    ) -> Tensor
}

/// `x · Wᵀ` with `x` `[…, inFeatures]` and `W` `[outFeatures, inFeatures]`.
public struct LinearProduct: Product {
    /// Creates the product.
    public init() {}

    /// The product; recorded when an operand is tracked.
    public func value(_ input: Tensor, _ weight: Tensor) -> Tensor {
        input.matmul(weight, transposingSecond: true)
    }

    /// The gradient of the input, from that of the product.
    public func inputGradient(_ upstream: Tensor, _ weight: Tensor, shape: [Int]) -> Tensor {
        upstream.matmul(weight)
    }

    /// The gradient of the weight, from that of the product.
    public func weightGradient(_ upstream: Tensor, _ input: Tensor, shape: [Int]) -> Tensor {
        let rows = upstream.reshaped([-1, shape[0]])
        return rows.matmul(input.reshaped([-1, shape[1]]), transposingFirst: true)
    }
}
