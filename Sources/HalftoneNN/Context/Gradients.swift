import HalftoneKernels
import HalftoneTensor

/// Gradients of parameters, with one factor on all of them.
///
/// Clipping changes only the factor, which an optimizer applies while it reads.
public struct Gradients {
    /// The parameters, in the order in which the pass met them.
    public var parameters: [Parameter] { entries.map(\.parameter) }

    var entries: [(parameter: Parameter, gradient: Tensor)]
    var factor: Float = 1
    private var places: [ObjectIdentifier: Int] = [:]

    /// Gradients, one for each parameter in its shape.
    public init(_ entries: [(parameter: Parameter, gradient: Tensor)] = []) {
        self.entries = entries
        for (place, entry) in entries.enumerated() {
            precondition(
                entry.gradient.shape == entry.parameter.shape,
                "a gradient has the shape of its parameter")
            places[ObjectIdentifier(entry.parameter)] = place
        }
    }

    /// The gradient of a parameter, or nil when it had no part in the result.
    public subscript(parameter: Parameter) -> Tensor? {
        get {
            places[ObjectIdentifier(parameter)].map {
                factor == 1 ? entries[$0].gradient : entries[$0].gradient * factor
            }
        }
        set {
            applyFactor()
            guard let newValue else { return remove(parameter) }
            precondition(newValue.shape == parameter.shape, "a gradient has its parameter's shape")
            if let place = places[ObjectIdentifier(parameter)] {
                entries[place].gradient = newValue
            } else {
                places[ObjectIdentifier(parameter)] = entries.count
                entries.append((parameter, newValue))
            }
        }
    }

    private mutating func remove(_ parameter: Parameter) {
        entries.removeAll { $0.parameter === parameter }
        self = Gradients(entries)
    }

    /// The gradient as it lies, before the factor.
    func stored(_ parameter: Parameter) -> Tensor? {
        places[ObjectIdentifier(parameter)].map { entries[$0].gradient }
    }

    private mutating func applyFactor() {
        guard factor != 1 else { return }
        for place in entries.indices { entries[place].gradient *= Tensor(factor) }
        factor = 1
    }
}

extension Gradients {
    /// Adds gradients of a further pass.
    public static func += (left: inout Gradients, right: Gradients) {
        left.applyFactor()
        for (parameter, _) in right.entries {
            guard let gradient = right[parameter] else { continue }
            if let place = left.places[ObjectIdentifier(parameter)] {
                left.entries[place].gradient += gradient
            } else {
                left[parameter] = gradient
            }
        }
    }

    /// Multiplies all gradients.
    public mutating func scale(by factor: Float) { self.factor *= factor }

    /// The length of all gradients together as one vector; the squares are summed in float64.
    public var norm: Double {
        let sum = entries.reduce(0) { $0 + UpdateLoops.sumOfSquares($1.gradient.elements) }
        return sum.squareRoot() * Double(factor.magnitude)
    }

    /// Scales all gradients down together when they are longer than a limit.
    ///
    /// The factor is `min(1, limit / (norm + 1e−6))`, as PyTorch has it.
    ///
    /// - Returns: The length before.
    @discardableResult
    public mutating func clip(toNorm limit: Double) -> Double {
        let norm = norm
        let factor = limit / (norm + 1e-6)
        if factor < 1 { scale(by: Float(factor)) }
        return norm
    }

    /// Moves every element to within `±limit`.
    public mutating func clip(toValue limit: Float) {
        applyFactor()
        for place in entries.indices {
            entries[place].gradient = entries[place].gradient.clamped(to: -limit...limit)
        }
    }

    /// The first parameter whose gradient has an element that is NaN or infinite.
    public var firstNonFinite: Parameter? {
        entries.first { !$0.gradient.isFinite }?.parameter
    }
}

extension Tensor {
    /// Whether no element is NaN or infinite.
    public var isFinite: Bool {
        // The square of a number beyond 1.8e19 overflows a float32, not a float64.
        UpdateLoops.sumOfSquares(elements).isFinite
    }
}
