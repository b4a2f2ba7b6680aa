import HalftoneNN
import HalftoneTensor
import Synchronization

/// Finds where a number is NaN or infinite first: in a pass, or on the way back.
enum NonFiniteSearch {
    /// Repeats a pass with every activation and every gradient looked at.
    ///
    /// - Parameters:
    ///   - model: What the pass goes through.
    ///   - context: Of the pass, without hooks so far.
    ///   - loss: The pass.
    /// - Returns: The first place in the order of computation.
    static func place(
        in model: any Module, _ context: ForwardContext, loss: () throws -> Tensor
    ) throws -> TrainingError.Place {
        for (path, parameter) in model.namedParameters where !parameter.value.isFinite {
            return .parameter(path)
        }
        var forward: String?
        let backward = FirstSite()
        context.hook { activation, site in
            if forward == nil, !activation.isFinite { forward = site.description }
            guard activation.isTracked else { return nil }
            let name = site.description
            return .custom([activation], value: activation.stopGradient()) { upstream in
                if !upstream.isFinite { backward.note(name) }
                return [upstream]
            }
        }
        let result = try loss()
        if let forward { return .activation(forward) }
        guard result.item.isFinite else { return .loss }
        let gradients = context.gradients(of: result)
        if let site = backward.name { return .gradient(site) }
        let broken = gradients.firstNonFinite
        let path = model.namedParameters.first { $0.parameter === broken }?.path
        return path.map { .parameterGradient($0) } ?? .loss
    }
}

/// The first name that is noted.
private final class FirstSite: Sendable {
    private let state = Mutex<String?>(nil)

    var name: String? { state.withLock { $0 } }

    func note(_ name: String) {
        state.withLock { if $0 == nil { $0 = name } }
    }
}
