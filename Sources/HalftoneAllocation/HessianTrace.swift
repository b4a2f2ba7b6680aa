import HalftoneTensor

/// Estimates of the trace of a loss's Hessian, for each of several tensors.
///
/// For random signs `v` the mean of `vᵀ·H·v` is the trace of `H`; one product with the Hessian of
/// all tensors at once gives a sample for each of them, `v` of a tensor times its part of `H·v`.
///
/// Source: M. Hutchinson, "A Stochastic Estimator of the Trace of the Influence Matrix for Laplacian
/// Smoothing Splines", 1990; per layer as Z. Yao et al., "PyHessian", arXiv:1912.07145.
/// Departs from it in one place: the product comes from a central difference of gradients,
/// `(g(w + εv) − g(w − εv)) / 2ε`, so that a loss needs first derivatives alone.
public struct HessianTrace: Sendable {
    /// Random directions; the standard error falls with the root of their number.
    public var samples: Int
    /// The length `ε` of a step for each weight, as a share of the root mean square of all weights.
    ///
    /// The difference errs by `ε²` times third derivatives, and by the rounding of gradients over
    /// `ε`; in float32 the two meet near the cube root of 2⁻²⁴.
    public var step: Float

    /// Describes an estimate.
    public init(samples: Int = 16, step: Float = 4e-3) {
        precondition(samples >= 1 && step > 0, "\(samples) samples with steps of \(step)")
        self.samples = samples
        self.step = step
    }

    /// The estimates and their standard errors.
    ///
    /// - Parameters:
    ///   - weights: Where the Hessian is wanted.
    ///   - generator: Of the signs.
    ///   - gradient: The gradient of the loss at other values of the weights, a tensor of the same
    ///     shape for each; the loss has to be the same function each time.
    /// - Returns: A trace for each tensor, and its standard error over samples (0 for one sample).
    /// - Complexity: Two gradients for each sample.
    public func estimates(
        at weights: [Tensor], using generator: inout some RandomNumberGenerator,
        gradient: ([Tensor]) throws -> [Tensor]
    ) rethrows -> [(trace: Double, standardError: Double)] {
        let count = weights.reduce(0) { $0 + $1.count }
        let squares = weights.reduce(0.0) { $0 + Double($1.squared().sum().item) }
        let size = count > 0 ? (squares / Double(count)).squareRoot() : 0
        let length = step * Float(size > 0 ? size : 1)
        var values = weights.map { _ in [Double]() }
        for _ in 0..<samples {
            let signs = weights.map { weight in
                Tensor(
                    shape: weight.shape,
                    elements: (0..<weight.count).map { _ in
                        Bool.random(using: &generator) ? 1 : -1
                    })
            }
            let ahead = try gradient(zip(weights, signs).map { $0 + $1 * length })
            let behind = try gradient(zip(weights, signs).map { $0 - $1 * length })
            for (place, sign) in signs.enumerated() {
                let product = (sign * (ahead[place] - behind[place])).elements
                let sum = product.reduce(0.0) { $0 + Double($1) }
                values[place].append(sum / Double(2 * length))
            }
        }
        return values.map { samples in
            let number = Double(samples.count)
            let mean = samples.reduce(0, +) / number
            let spread = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (mean, number > 1 ? (spread / (number - 1) / number).squareRoot() : 0)
        }
    }
}
