import HalftoneTensor

/// A module that makes one tensor of one tensor.
///
/// Layers are called, not asked for ``forward(_:_:)``, so that hooks see what goes in (`input`) and
/// what comes out (`output`).
public protocol Layer: Module {
    /// Computes the output; called by ``callAsFunction(_:_:)``.
    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor
}

extension Layer {
    /// Computes the output, with hooks around.
    public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let input = context.pass(x, "input", of: self)
        return context.pass(forward(input, context), "output", of: self)
    }
}

/// Makes the weight that a layer computes with from the one that is stored.
///
/// Fake quantization, a learned scale or a mask computes with the stored weight. Latents that
/// stand in for it ignore it, and say so with ``replacesWeight``.
public protocol WeightTransform: Layer {
    /// Whether the layer's own weight is no parameter any more.
    var replacesWeight: Bool { get }
}

extension WeightTransform {
    /// The layer's weight stays a parameter.
    public var replacesWeight: Bool { false }
}

/// A leaf that multiplies its input by a weight: what quantization works on.
///
/// Both operands can be put through transforms with parameters of their own, and the product
/// itself through a rule that treats its three sites apart.
public protocol WeightedLayer: Layer {
    /// The stored weight; its first dimension is that of the outputs.
    var weight: Parameter { get }

    /// What makes the weight that is computed with, or nil for the stored one.
    var weightTransform: (any WeightTransform)? { get set }

    /// What the input goes through first, or nil.
    var inputTransform: (any Layer)? { get set }

    /// How the product and its gradients are computed, or nil for float32 everywhere.
    var productRule: (any ProductRule)? { get set }
}

extension WeightedLayer {
    /// The weight that the layer computes with: transformed, and seen by hooks as `weight`.
    public func effectiveWeight(_ context: ForwardContext) -> Tensor {
        let stored =
            weightTransform?.replacesWeight == true ? weight.value : context.value(of: weight)
        let value = weightTransform.map { $0(stored, context) } ?? stored
        return context.pass(value, "weight", of: self)
    }

    /// The parts that transforms add to those of the layer.
    public var transformParts: Parts {
        [
            "weight_transform": weightTransform, "input_transform": inputTransform,
            "product_rule": productRule,
        ]
    }

    /// The stored weight, unless something stands in for it.
    var weightPart: Parameter? { weightTransform?.replacesWeight == true ? nil : weight }

    /// The product of the transformed input and the effective weight.
    func product(
        _ product: some Product, _ x: Tensor, _ context: ForwardContext
    ) -> Tensor {
        let input = inputTransform.map { $0(x, context) } ?? x
        let weight = effectiveWeight(context)
        if let productRule { return productRule.compute(product, input, weight, context) }
        return product.value(input, weight)
    }
}
