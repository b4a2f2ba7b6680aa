import HalftoneTensor

/// One pass through a network: what is asked of it, and what it leaves behind.
///
/// Layers read their parameters here, so that gradients can be asked for them, and put changes of
/// their buffers here, which take effect when the caller says so. Hooks see and replace what flows
/// between layers.
///
///     let context = ForwardContext(model, isTraining: true)
///     let loss = model(x, context).crossEntropy(classes).mean()
///     let gradients = context.gradients(of: loss)
///     context.applyBufferUpdates()
public final class ForwardContext {
    /// Whether layers behave as in training: dropout drops, batch norm measures its batch.
    public let isTraining: Bool

    /// Whether gradients can be asked for trainable parameters after the pass.
    public let recordsGradients: Bool

    /// Where layers draw randomness from.
    public var generator: SeededGenerator

    private let paths: [ObjectIdentifier: String]
    private var places: [ObjectIdentifier: Int] = [:]
    private var leaves: [(parameter: Parameter, leaf: Tensor)] = []
    private var updates: [ObjectIdentifier: (buffer: Buffer, value: Tensor)] = [:]
    private var hooks: [Hook] = []

    /// Whether a hook wants to see anything.
    var hasHooks: Bool { !hooks.isEmpty }

    /// Starts a pass.
    ///
    /// - Parameters:
    ///   - root: The module that paths start from; without one, hooks see empty paths.
    ///   - isTraining: Whether layers behave as in training.
    ///   - recordsGradients: By default as `isTraining`.
    ///   - generator: Where layers draw randomness from; read it back to go on from there.
    public init(
        _ root: (any Module)? = nil, isTraining: Bool = false, recordsGradients: Bool? = nil,
        generator: SeededGenerator = SeededGenerator(seed: 0)
    ) {
        self.isTraining = isTraining
        self.recordsGradients = recordsGradients ?? isTraining
        self.generator = generator
        var paths: [ObjectIdentifier: String] = [:]
        if let root {
            for (path, module) in root.namedModules { paths[ObjectIdentifier(module)] = path }
        }
        self.paths = paths
    }

    /// The value of a parameter, tracked when gradients are recorded and the parameter trains.
    public func value(of parameter: Parameter) -> Tensor {
        guard recordsGradients, parameter.isTrainable else { return parameter.value }
        if let place = places[ObjectIdentifier(parameter)] { return leaves[place].leaf }
        let leaf = parameter.value.tracked()
        places[ObjectIdentifier(parameter)] = leaves.count
        leaves.append((parameter, leaf))
        return leaf
    }

    /// The value of a buffer, with the changes of this pass.
    public func value(of buffer: Buffer) -> Tensor {
        updates[ObjectIdentifier(buffer)]?.value ?? buffer.value
    }

    /// The path of a module below the root; empty for others.
    public func path(of module: any Module) -> String { paths[ObjectIdentifier(module)] ?? "" }
}

extension ForwardContext {
    /// Notes a new value for a buffer.
    public func update(_ buffer: Buffer, to value: Tensor) {
        updates[ObjectIdentifier(buffer)] = (buffer, value.stopGradient())
    }

    /// Writes the noted values into their buffers.
    public func applyBufferUpdates() {
        for (buffer, value) in updates.values { buffer.set(value) }
        updates = [:]
    }

    /// The gradients of a tensor's sum for all parameters that the pass has read and that train.
    ///
    /// What the pass recorded is released on the way, as far as nobody else holds it; the context
    /// can be asked once.
    public func gradients(of loss: consuming Tensor, upstream: Tensor? = nil) -> Gradients {
        let leaves = self.leaves
        (self.leaves, places) = ([], [:])
        let gradients = loss.gradients(for: leaves.map(\.leaf), upstream: upstream)
        return Gradients(zip(leaves, gradients).map { ($0.parameter, $1) })
    }
}

extension ForwardContext {
    /// A place where hooks see what flows: a module and the name of a tensor in it.
    public struct Site: Hashable, Sendable, CustomStringConvertible {
        /// The path of the module below the root.
        public var path: String
        /// `input`, `output`, `weight`, or a name of the module's own such as `keys`.
        public var name: String

        /// The path and the name.
        public var description: String { path.isEmpty ? name : "\(path) (\(name))" }
    }

    /// Gets what flows at a site and gives what goes on instead; nil for the same.
    public typealias Hook = (_ activation: Tensor, _ site: Site) -> Tensor?

    /// Adds a hook that sees every site; hooks run in the order in which they were added.
    public func hook(_ hook: @escaping Hook) { hooks.append(hook) }

    /// Adds a hook for one tensor of modules.
    ///
    /// - Parameters:
    ///   - path: Of the module; `*` stands for any one name between points.
    ///   - name: Which of its tensors, `output` by default.
    ///   - body: Gets the tensor, and gives what goes on instead; nil for the same.
    public func hook(
        at path: String, _ name: String = "output", _ body: @escaping (Tensor) -> Tensor?
    ) {
        let wanted = path.split(separator: ".", omittingEmptySubsequences: false)
        hooks.append { activation, site in
            guard site.name == name else { return nil }
            let found = site.path.split(separator: ".", omittingEmptySubsequences: false)
            guard found.count == wanted.count,
                zip(wanted, found).allSatisfy({ $0 == "*" || $0 == $1 })
            else { return nil }
            return body(activation)
        }
    }

    /// Lets the hooks see, and replace, what flows at a site of a module.
    public func pass(_ activation: Tensor, _ name: String, of module: any Module) -> Tensor {
        guard !hooks.isEmpty else { return activation }
        let site = Site(path: path(of: module), name: name)
        return hooks.reduce(activation) { $1($0, site) ?? $0 }
    }
}

extension ForwardContext {
    /// Takes over the changes of buffers that another pass noted, so that this one goes on from
    /// them.
    public func adoptBufferUpdates(of other: ForwardContext) {
        for (identity, update) in other.updates { updates[identity] = update }
    }
}
