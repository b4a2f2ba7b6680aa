import HalftoneAllocation
import HalftoneData
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// Networks of one seed that are trained for mixtures of widths, and the mixture that is chosen.
struct MixtureTrial {
    let task: FigureTask
    let method: DoubleRounding
    let settings: DoubleRoundingReproduction.Settings
    let seed: UInt64
    /// The Hessian trace of each unit in the float network.
    let traces: [Double]

    /// A network and the width of each unit.
    private struct Network {
        let model: SmallResidualNet
        let widths: [BitWidth]
        let members: [[Conv2d]]

        func set(_ bits: [Int]) {
            for (width, bits) in zip(widths, bits) { width.bits = bits }
        }
    }

    /// Measures the traces of a float network.
    ///
    /// - Parameter float: Trained, made by ``SwitchableNetParts``.
    init(
        _ task: FigureTask, _ method: DoubleRounding,
        _ settings: DoubleRoundingReproduction.Settings, seed: UInt64, float: SmallResidualNet
    ) {
        (self.task, self.method, self.settings, self.seed) = (task, method, settings, seed)
        let network = Self.network(method, settings, seed)
        Self.copy(float, to: network.model, widths: settings.widths.count)
        for width in network.widths { width.bits = nil }
        let layers = network.members.flatMap { $0 }
        let count = min(settings.tracePictures, task.training.classes.count)
        let pictures = task.training.pictures.rows(0..<count)
        let classes = IndexTensor(task.training.classes.prefix(count).map { Int($0) })
        var generator = SeededGenerator(seed: seed + 200)
        let found = HessianTrace(samples: settings.traceSamples).estimates(
            at: layers.map(\.weight.value), using: &generator
        ) { weights in
            for (layer, weight) in zip(layers, weights) { layer.weight.set(weight) }
            let context = ForwardContext(isTraining: false, recordsGradients: true)
            let loss = Loss.crossEntropy(network.model(pictures, context), classes)
            let gradients = context.gradients(of: loss)
            return layers.map { gradients[$0.weight] ?? .zeros($0.weight.shape) }
        }
        var place = 0
        traces = network.members.map { members in
            defer { place += members.count }
            return found[place..<place + members.count].reduce(0) { $0 + $1.trace }
        }
    }

    /// What a network trained for mixtures reaches.
    struct Result {
        /// The accuracy of the chosen mixture.
        let chosen: Double
        /// The mean accuracy of random mixtures of the same mean width.
        let random: Double
        /// The width of each unit of the chosen mixture.
        let widths: [Int]
    }

    /// Trains for mixtures from a network of all widths, and chooses one.
    ///
    /// - Parameters:
    ///   - joint: Trained for all widths, made by ``SwitchableNetParts``.
    ///   - usesHessian: Whether the traces decide which widths layers see; they choose the mixture
    ///     in any case.
    func result(from joint: SmallResidualNet, usesHessian: Bool) throws -> Result {
        let network = Self.network(method, settings, seed)
        Self.copy(joint, to: network.model, widths: settings.widths.count)
        let sampling = HessianAwareSampling(widths: settings.widths, traces: traces)
        train(network, usesHessian ? sampling : sampling.withoutHessian)
        let layers = network.members
        let errors = layers.map { members in
            settings.widths.map { bits in members.reduce(0) { $0 + error($1, bits: bits) } }
        }
        let problem = sampling.problem(
            traces: traces,
            weightCounts: layers.map { $0.reduce(0) { $0 + $1.weight.value.count } },
            errors: errors, meanBits: settings.meanBits)
        let allocation = try ExactAllocator().allocate(problem)
        let bits = allocation.choices.map { settings.widths[$0] }
        network.set(bits)
        let chosen = task.accuracy(network.model)
        var generator = SeededGenerator(seed: seed + 400)
        let others = (0..<settings.randomMixtures).map { _ in
            network.set(mixture(units: layers.count, using: &generator))
            return task.accuracy(network.model)
        }
        return Result(
            chosen: chosen, random: others.reduce(0, +) / Double(max(others.count, 1)), widths: bits
        )
    }

    /// Widths that are drawn until their mean is the wanted one.
    private func mixture(units: Int, using generator: inout SeededGenerator) -> [Int] {
        let sum = Int((settings.meanBits * Double(units)).rounded(.down))
        while true {
            let bits = (0..<units).map { _ in
                settings.widths[Int.random(in: settings.widths.indices, using: &generator)]
            }
            // Of even widths some sums cannot be had.
            if bits.reduce(0, +) == sum - sum % 2 { return bits }
        }
    }

    private func train(_ network: Network, _ sampling: HessianAwareSampling) {
        let updates = settings.steps * settings.widths.count
        let optimizer = Optimizer(
            network.model, Adam(rate: settings.rate),
            schedule: .cosine(warmup: 5, count: updates))
        let scales = network.model.namedParameters.filter { $0.path.contains("scale") }
            .map(\.parameter)
        let plan = BatchPlan(
            exampleCount: task.training.classes.count, batchSize: settings.batchSize,
            seed: seed + 300)
        var generator = SeededGenerator(seed: seed + 301)
        for step in 0..<settings.steps {
            let share = sampling.share(epoch: step, of: settings.steps)
            for width in settings.widths {
                network.set(sampling.draw(around: width, share: share, using: &generator))
                optimizer.step(task.gradients(network.model, plan[step]).gradients)
                DoubleRoundingReproduction.keepPositive(scales)
            }
        }
    }

    /// The squared error of a layer's weights at a width.
    private func error(_ layer: Conv2d, bits: Int) -> Double {
        guard let transform = layer.weightTransform as? SwitchableWeight else { return 0 }
        let weight = layer.weight.value
        let rounded = method.weight(weight, scale: transform.scale.value, bits: bits)
        return Double((rounded - weight).squared().sum().item)
    }

    private static func network(
        _ method: DoubleRounding, _ settings: DoubleRoundingReproduction.Settings, _ seed: UInt64
    ) -> Network {
        var parts = MixedNetParts(
            method: method, choices: settings.widths, generator: SeededGenerator(seed: seed))
        let model = SmallResidualNet(
            channels: 1, classes: CharacterTask.classes, width: settings.width, &parts)
        return Network(model: model, widths: parts.widths, members: parts.members)
    }

    /// Gives a network of mixtures the numbers of one of common widths; the norm of a pair gets
    /// that of its own width, or the only one that there is.
    private static func copy(
        _ source: SmallResidualNet, to model: SmallResidualNet, widths count: Int
    ) {
        let values = source.snapshot
        var result: [String: Tensor] = [:]
        for path in model.snapshot.keys {
            var pieces = path.split(separator: ".").map(String.init)
            if let norms = pieces.firstIndex(of: "norms"), let pair = Int(pieces[norms + 1]) {
                pieces[norms + 1] = "\(pair % count)"
                if values[pieces.joined(separator: ".")] == nil { pieces[norms + 1] = "0" }
            }
            result[path] = values[pieces.joined(separator: ".")]
        }
        do {
            try model.restore(result, isPartial: true)
        } catch {
            preconditionFailure("networks of one kind have the same shapes: \(error)")
        }
    }
}
