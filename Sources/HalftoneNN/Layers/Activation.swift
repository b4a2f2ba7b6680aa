import HalftoneKernels
import HalftoneTensor

/// A nonlinearity by its name.
public enum Activation: String, Sendable, Codable, CaseIterable {
    /// The input itself.
    case identity
    /// `max(x, 0)`.
    case relu
    /// The exact GELU.
    case gelu
    /// The tanh form of GELU.
    case geluTanh = "gelu_tanh"
    /// `x · sigmoid(x)`.
    case silu
    /// `1 / (1 + e^−x)`.
    case sigmoid
    /// `tanh x`.
    case tanh
    /// `log(1 + e^x)`.
    case softplus

    /// The function of each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .identity: x
        case .relu: x.relu()
        case .gelu: x.gelu()
        case .geluTanh: x.gelu(.tanh)
        case .silu: x.silu()
        case .sigmoid: x.sigmoid()
        case .tanh: x.tanh()
        case .softplus: x.softplus()
        }
    }
}

/// A nonlinearity as a layer.
public final class ActivationLayer: Layer {
    /// The function.
    public let activation: Activation

    /// A layer of a function.
    public init(_ activation: Activation) { self.activation = activation }

    /// The names of checkpoints.
    public var parts: Parts { [:] }

    /// The function of each element.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor { activation(x) }
}
