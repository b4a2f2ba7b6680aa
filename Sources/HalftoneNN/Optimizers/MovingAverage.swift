import HalftoneKernels
import HalftoneTensor

/// Exponential moving averages of a module's parameters.
///
/// After each step `a ← a + (1 − decay)(w − a)`, starting at the first weights. With a ramp the
/// decay of step `t` is `min(decay, (1 + t) / (10 + t))`, so that early weights fade sooner.
public final class MovingAverage {
    /// Share of the average that is kept, from 0 to 1.
    public let decay: Double
    /// Whether the decay grows over the first steps.
    public let isRamped: Bool
    /// Updates so far.
    public private(set) var stepCount = 0

    private let parameters: [(path: String, parameter: Parameter)]
    private var averages: [FloatArray]

    /// Starts at a module's parameters as they are now.
    public init(_ module: any Module, decay: Double, isRamped: Bool = false) {
        self.decay = decay
        self.isRamped = isRamped
        parameters = module.namedParameters
        averages = parameters.map(\.parameter.value.elements)
    }

    /// Moves the averages towards the parameters as they are now.
    public func update() {
        stepCount += 1
        let ramp = Double(1 + stepCount) / Double(10 + stepCount)
        let keep = isRamped ? min(decay, ramp) : decay
        for index in averages.indices {
            UpdateLoops.move(
                &averages[index], towards: parameters[index].parameter.value.elements,
                share: Float(1 - keep))
        }
    }

    /// The averages by path.
    public var values: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (index, entry) in parameters.enumerated() {
            result[entry.path] = Tensor(shape: entry.parameter.shape, elements: averages[index])
        }
        return result
    }

    /// Runs something with the averages in the place of the parameters.
    public func withAverages<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let own = parameters.map(\.parameter.value)
        for (index, entry) in parameters.enumerated() {
            entry.parameter.set(
                Tensor(shape: entry.parameter.shape, elements: averages[index]))
        }
        defer {
            for (entry, value) in zip(parameters, own) { entry.parameter.set(value) }
        }
        return try body()
    }

    /// The averages and the number of updates.
    public var state: SavedState {
        SavedState(tensors: values, integers: ["steps": UInt64(stepCount)])
    }

    /// Goes on from a state.
    ///
    /// - Throws: ``ModuleError/doesNotFit(_:)`` with every path that lacks something; then nothing
    ///   was changed.
    public func restore(_ state: SavedState) throws(ModuleError) {
        var problems: [String] = []
        var found: [FloatArray] = []
        for (path, parameter) in parameters {
            guard let value = state.tensors[path], value.shape == parameter.shape else {
                problems.append("\(path): shape \(parameter.shape) is wanted")
                continue
            }
            found.append(value.elements)
        }
        guard let steps = state.integers["steps"] else { throw .doesNotFit(["steps: not there"]) }
        guard problems.isEmpty else { throw .doesNotFit(problems) }
        averages = found
        stepCount = Int(steps)
    }
}
