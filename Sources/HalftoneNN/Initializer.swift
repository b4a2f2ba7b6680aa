import HalftoneKernels
import HalftoneTensor

/// How the numbers of a parameter are drawn, by a name that recipes can use.
///
/// The inputs of a weight `[out, in, taps…]` are `in` times all taps, its outputs `out` times all
/// taps; a row counts as both.
public enum Initializer: Sendable, Hashable, Codable {
    /// Zeros.
    case zeros
    /// Ones.
    case ones
    /// The same number everywhere.
    case constant(Float)
    /// A normal distribution of mean 0 and a standard deviation.
    case normal(Float)
    /// As ``normal(_:)``, drawn again beyond two standard deviations.
    case truncatedNormal(Float)
    /// Evenly within `±bound`.
    case uniform(Float)
    /// Evenly within `±1/√inputs`: what PyTorch's layers start from.
    case uniformByInputs
    /// Evenly within `±√(6 / (inputs + outputs))`: X. Glorot and Y. Bengio, AISTATS 2010, eq. 16.
    case xavierUniform
    /// Variance `2 / (inputs + outputs)`.
    case xavierNormal
    /// Evenly within `±√(6 / inputs)`: K. He et al., arXiv:1502.01852, eq. 10.
    case kaimingUniform
    /// Variance `2 / inputs`.
    case kaimingNormal

    /// Draws numbers.
    public func tensor(_ shape: [Int], using generator: inout SeededGenerator) -> Tensor {
        let taps = shape.dropFirst(2).reduce(1, *)
        let inputs = Float(max(1, (shape.count > 1 ? shape[1] : shape.first ?? 1) * taps))
        let outputs = Float(max(1, (shape.first ?? 1) * taps))
        func normal(_ variance: Float) -> Tensor {
            .normal(shape, standardDeviation: variance.squareRoot(), using: &generator)
        }
        func uniform(_ bound: Float) -> Tensor {
            .uniform(shape, in: -bound...bound, using: &generator)
        }
        switch self {
        case .zeros: return .zeros(shape)
        case .ones: return .filled(shape, with: 1)
        case .constant(let value): return .filled(shape, with: value)
        // Nothing is drawn for matrices that are to be replaced.
        case .normal(0): return .zeros(shape)
        case .normal(let deviation): return normal(deviation * deviation)
        case .truncatedNormal(let deviation): return truncated(shape, deviation, &generator)
        case .uniform(let bound): return uniform(bound)
        case .uniformByInputs: return uniform(1 / inputs.squareRoot())
        case .xavierUniform: return uniform((6 / (inputs + outputs)).squareRoot())
        case .xavierNormal: return normal(2 / (inputs + outputs))
        case .kaimingUniform: return uniform((6 / inputs).squareRoot())
        case .kaimingNormal: return normal(2 / inputs)
        }
    }

    private func truncated(
        _ shape: [Int], _ deviation: Float, _ generator: inout SeededGenerator
    ) -> Tensor {
        var elements = Tensor.normal(shape, using: &generator).elements
        for index in elements.indices {
            while elements[index].magnitude > 2 {
                elements[index] = Tensor.normal([1], using: &generator).item
            }
        }
        return Tensor(shape: shape, elements: elements) * deviation
    }
}

extension Initializer {
    /// An initializer by its name: `zeros`, `xavier_uniform`, `normal(0.02)`.
    ///
    /// - Returns: nil for a name that there is none of; see ``names``.
    public init?(name: String) {
        let pieces = name.split(whereSeparator: { "()".contains($0) })
        guard let head = pieces.first, pieces.count <= 2 else { return nil }
        let argument = pieces.count == 2 ? Float(pieces[1]) : nil
        switch (head, argument) {
        case ("zeros", nil): self = .zeros
        case ("ones", nil): self = .ones
        case ("constant", let value?): self = .constant(value)
        case ("normal", let value?): self = .normal(value)
        case ("truncated_normal", let value?): self = .truncatedNormal(value)
        case ("uniform", let value?): self = .uniform(value)
        case ("uniform_by_inputs", nil): self = .uniformByInputs
        case ("xavier_uniform", nil): self = .xavierUniform
        case ("xavier_normal", nil): self = .xavierNormal
        case ("kaiming_uniform", nil): self = .kaimingUniform
        case ("kaiming_normal", nil): self = .kaimingNormal
        default: return nil
        }
    }

    /// All names, with an argument where one is needed.
    public static let names = [
        "zeros", "ones", "constant(x)", "normal(deviation)", "truncated_normal(deviation)",
        "uniform(bound)", "uniform_by_inputs", "xavier_uniform", "xavier_normal",
        "kaiming_uniform", "kaiming_normal",
    ]
}
