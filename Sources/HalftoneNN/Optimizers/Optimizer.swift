import HalftoneKernels
import HalftoneTensor

/// Changes parameters by their gradients, a group at a time, each by a rule of its own.
///
///     let optimizer = Optimizer([
///         ParameterGroup(model, Adam.decoupled(rate: 1e-3, weightDecay: 0.1)) { _, p in
///             p.shape.count > 1
///         },
///         ParameterGroup(model, Adam.decoupled(rate: 1e-3, weightDecay: 0)) { _, p in
///             p.shape.count <= 1
///         },
///     ])
///     optimizer.step(gradients)
public final class Optimizer {
    /// The groups, whose rules and schedules may be changed between steps.
    public var groups: [ParameterGroup]

    /// Steps taken so far: where the schedules are.
    public private(set) var stepCount = 0

    private var kept: [String: Kept] = [:]

    /// What is kept for one parameter.
    private struct Kept {
        var slots: [FloatArray]
        var count = 0
    }

    /// Creates an optimizer.
    ///
    /// - Parameter groups: A parameter is in one group; its path is used once.
    public init(_ groups: [ParameterGroup]) {
        let paths = groups.flatMap { $0.parameters.map(\.path) }
        precondition(Set(paths).count == paths.count, "a parameter is in two groups")
        self.groups = groups
    }

    /// Creates an optimizer with one rule for all parameters of a module.
    public convenience init(
        _ module: any Module, _ rule: any UpdateRule, schedule: Schedule = .constant
    ) {
        self.init([ParameterGroup(module, rule, schedule: schedule)])
    }

    /// The rate of each group at the next step.
    public var rates: [Double] {
        groups.map { $0.rule.rate * $0.schedule.factor(at: stepCount) }
    }

    /// Takes a step on all parameters that have a gradient and train.
    public func step(_ gradients: Gradients) {
        for (group, rate) in zip(groups, rates) {
            for (path, parameter) in group.parameters where parameter.isTrainable {
                guard let gradient = gradients.stored(parameter) else { continue }
                step(path, parameter, gradient.elements, gradients.factor, group.rule, rate)
            }
        }
        stepCount += 1
    }

    private func step(
        _ path: String, _ parameter: Parameter, _ gradient: FloatArray, _ scale: Float,
        _ rule: any UpdateRule, _ rate: Double
    ) {
        var entry =
            kept.removeValue(forKey: path)
            ?? Kept(
                slots: rule.slotNames.map { _ in
                    FloatArray(repeating: rule.slotStart, count: gradient.count)
                })
        entry.count += 1
        parameter.update { weights in
            rule.update(
                &weights, gradient: gradient, scale: scale, slots: &entry.slots,
                step: entry.count, rate: rate)
        }
        kept[path] = entry
    }
}

extension Optimizer {
    /// What is kept, as `PATH.SLOT`, and the counts of steps.
    public var state: SavedState {
        var state = SavedState(integers: ["steps": UInt64(stepCount)])
        for group in groups {
            for (path, parameter) in group.parameters {
                guard let entry = kept[path] else { continue }
                state.integers[path] = UInt64(entry.count)
                for (name, slot) in zip(group.rule.slotNames, entry.slots) {
                    state.tensors["\(path).\(name)"] = Tensor(
                        shape: parameter.shape, elements: slot)
                }
            }
        }
        return state
    }

    /// Goes on from a state.
    ///
    /// - Throws: ``ModuleError/doesNotFit(_:)`` with every path that lacks something; then nothing
    ///   was changed.
    public func restore(_ state: SavedState) throws(ModuleError) {
        var problems: [String] = []
        var entries: [String: Kept] = [:]
        for group in groups {
            for (path, parameter) in group.parameters {
                guard let count = state.integers[path] else { continue }
                var entry = Kept(slots: [], count: Int(count))
                for name in group.rule.slotNames {
                    guard let slot = state.tensors["\(path).\(name)"],
                        slot.shape == parameter.shape
                    else {
                        problems.append("\(path).\(name): shape \(parameter.shape) is wanted")
                        continue
                    }
                    entry.slots.append(slot.elements)
                }
                entries[path] = entry
            }
        }
        guard let steps = state.integers["steps"] else {
            throw .doesNotFit(["steps: not there"])
        }
        guard problems.isEmpty else { throw .doesNotFit(problems) }
        kept = entries
        stepCount = Int(steps)
    }
}
