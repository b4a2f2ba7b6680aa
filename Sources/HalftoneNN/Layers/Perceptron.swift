import HalftoneTensor

/// Two linear layers with a nonlinearity between them.
///
/// Checkpoint names are given, by default `fc1` and `fc2`.
public final class Perceptron: Layer {
    /// From the width to the hidden width.
    public let up: Linear
    /// Back to the width.
    public let down: Linear
    /// Between the two.
    public let activation: Activation

    private let names: (up: String, down: String)

    /// A perceptron of given layers.
    public init(
        up: Linear, down: Linear, activation: Activation = .gelu,
        names: (up: String, down: String) = ("fc1", "fc2")
    ) {
        self.up = up
        self.down = down
        self.activation = activation
        self.names = names
    }

    /// The names of checkpoints.
    public var parts: Parts { [names.up: up, names.down: down] }

    /// `[…, width] → […, width]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let hidden = context.pass(activation(up(x, context)), "hidden", of: self)
        return down(hidden, context)
    }
}

/// `down(silu(gate(x)) · up(x))`.
///
/// Source: N. Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, eq. 6. Checkpoint
/// names: `gate_proj`, `up_proj`, `down_proj`.
public final class GatedPerceptron: Layer {
    /// What decides how much of each hidden number passes.
    public let gate: Linear
    /// The hidden numbers.
    public let up: Linear
    /// Back to the width.
    public let down: Linear

    /// A perceptron of given layers.
    public init(gate: Linear, up: Linear, down: Linear) {
        self.gate = gate
        self.up = up
        self.down = down
    }

    /// A perceptron of drawn layers.
    public convenience init(
        width: Int, hidden: Int, hasBias: Bool = false, initializer: Initializer = .normal(0.02),
        using generator: inout SeededGenerator
    ) {
        func linear(_ inFeatures: Int, _ outFeatures: Int) -> Linear {
            Linear(
                inFeatures, outFeatures, hasBias: hasBias, initializer: initializer,
                using: &generator)
        }
        self.init(
            gate: linear(width, hidden), up: linear(width, hidden), down: linear(hidden, width))
    }

    /// The names of checkpoints.
    public var parts: Parts { ["gate_proj": gate, "up_proj": up, "down_proj": down] }

    /// `[…, width] → […, width]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let product = gate(x, context).siluMultiply(up(x, context))
        return down(context.pass(product, "hidden", of: self), context)
    }
}
