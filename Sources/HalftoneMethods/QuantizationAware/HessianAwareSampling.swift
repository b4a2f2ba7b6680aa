import HalftoneAllocation

/// Draws a width for every layer of a network that is trained for many mixtures of widths at once:
/// layers that the loss bends sharply at see high widths more often.
///
/// A training goes through the widths `b` in turn. Each layer keeps `b` unless a number drawn from
/// 0 to 1 is below a threshold that rises over the training; then a width is drawn anew: evenly
/// among all for a layer whose Hessian trace is below the mean, else with the probability
/// `b_i / Σ b`. Mixtures are then chosen by ``problem(traces:weightCounts:errors:meanBits:)``,
/// without more training.
///
/// Source: "Nearly Lossless Adaptive Bit Switching", arXiv:2502.01199, algorithm 2 and equations 10
/// to 12. Departs from it in one place: the integer program as printed minimizes sensitivity times
/// bits, which would give sensitive layers few; here it minimizes sensitivity times error.
public struct HessianAwareSampling: Sendable, Hashable {
    /// The widths, the highest first.
    public let widths: [Int]
    /// Whether each layer's trace is at least the mean of all.
    public let isSensitive: [Bool]
    /// The share of layers that draw a width of their own at the end of a training.
    public var finalShare: Double

    /// Creates the sampling.
    ///
    /// - Parameters:
    ///   - widths: The widths, the highest first.
    ///   - traces: The Hessian trace of each layer, as `HessianTrace` estimates it.
    ///   - finalShare: The paper's sigma.
    public init(widths: [Int], traces: [Double], finalShare: Double = 0.5) {
        precondition(!widths.isEmpty && !traces.isEmpty, "no widths or no layers")
        precondition((0...1).contains(finalShare), "a share of \(finalShare)")
        self.widths = widths
        self.finalShare = finalShare
        let mean = traces.reduce(0, +) / Double(traces.count)
        isSensitive = traces.map { $0 >= mean }
    }

    /// The same draws for all layers, evenly: what the Hessian is compared with.
    public var withoutHessian: HessianAwareSampling {
        HessianAwareSampling(
            widths: widths, isSensitive: isSensitive.map { _ in false }, finalShare: finalShare)
    }

    private init(widths: [Int], isSensitive: [Bool], finalShare: Double) {
        self.widths = widths
        self.isSensitive = isSensitive
        self.finalShare = finalShare
    }

    /// How probable it is that a layer draws a width of its own.
    ///
    /// - Parameters:
    ///   - epoch: Counted from 0.
    ///   - epochs: Of the training.
    public func share(epoch: Int, of epochs: Int) -> Double {
        finalShare * Double(epoch + 1) / Double(epochs)
    }

    /// A width for each layer.
    ///
    /// - Parameters:
    ///   - width: The one whose turn it is.
    ///   - share: How probable it is that a layer draws one of its own.
    ///   - generator: Where the draws come from.
    public func draw(
        around width: Int, share: Double, using generator: inout some RandomNumberGenerator
    ) -> [Int] {
        isSensitive.map { isSensitive in
            guard Double.random(in: 0..<1, using: &generator) < share else { return width }
            guard isSensitive else { return widths.randomElement(using: &generator) ?? width }
            var place = Int.random(in: 0..<widths.reduce(0, +), using: &generator)
            for candidate in widths {
                place -= candidate
                if place < 0 { return candidate }
            }
            return width
        }
    }

    /// Which width each layer should have when the widths of all have a mean.
    ///
    /// - Parameters:
    ///   - traces: The Hessian trace of each layer; below 0 counts as 0.
    ///   - weightCounts: Weights of each layer.
    ///   - errors: For each layer the squared error of its weights at each of ``widths``.
    ///   - meanBits: The mean width over layers that is not exceeded.
    /// - Returns: `cost = trace / count · error`, `size = bits`.
    public func problem(
        traces: [Double], weightCounts: [Int], errors: [[Double]], meanBits: Double
    ) -> AllocationProblem {
        let units = traces.indices.map { layer in
            let sensitivity = max(traces[layer], 0) / Double(weightCounts[layer])
            return AllocationUnit(
                "layer \(layer)",
                choices: zip(widths, errors[layer]).map { bits, error in
                    AllocationChoice("\(bits) bits", cost: sensitivity * error, size: bits)
                })
        }
        return AllocationProblem(
            units: units, budget: Int((meanBits * Double(traces.count)).rounded(.down)))
    }
}
