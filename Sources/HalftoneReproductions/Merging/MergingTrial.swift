import HalftoneData
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// One seed: tasks, a common start, a model per task, and ways to merge them.
struct MergingTrial {
    private let settings: TIESMergingReproduction.Settings
    private let isControl: Bool
    private let seed: UInt64
    private let network: TaskNetwork
    private let base: [String: Tensor]
    private let layout: ParameterVector
    private let differences: [Tensor]
    private let checks: [LabelledPoints]
    private let tests: [LabelledPoints]

    private static let classes = 8
    private static let rate = 1e-3
    private static let batch = 64

    init(
        _ settings: TIESMergingReproduction.Settings, seed: UInt64, _ context: ReproductionContext
    ) throws {
        self.settings = settings
        self.seed = seed
        isControl = context.isControl
        func points(_ count: Int, _ stream: UInt64) -> [LabelledPoints] {
            (0..<settings.tasks).map {
                Self.points($0, settings, count, stream: stream, seed: seed)
            }
        }
        let training = points(settings.points, 1)
        checks = points(settings.checks, 2)
        tests = points(settings.checks, 3)
        var generator = SeededGenerator(seed: seed)
        let inputs = settings.sharedInputs + settings.tasks * settings.ownInputs
        network = TaskNetwork(
            inputs: inputs, width: settings.width, tasks: settings.tasks, classes: Self.classes,
            using: &generator)
        // The start sees a little of every task; then the heads stay as they are.
        Self.train(network, training, settings.startSteps, using: &generator)
        network.freeze { $0.hasPrefix("heads") }
        context.advance()
        let start = network.body.snapshot
        var models: [[String: Tensor]] = []
        for task in 0..<settings.tasks {
            try network.body.restore(start)
            var order = SeededGenerator(seed: seed &* 100 &+ UInt64(task))
            Self.train(
                network, training, settings.taskSteps, only: task, using: &order)
            models.append(network.body.snapshot)
            context.advance()
        }
        base = start
        layout = try ParameterVector(start)
        var differences: [Tensor] = []
        for (index, model) in models.enumerated() {
            differences.append(try layout.difference(of: model, from: start, index: index))
        }
        self.differences = differences
    }

    /// Points of a task: two clusters per class, in inputs that all tasks use and in some of its own.
    private static func points(
        _ task: Int, _ settings: TIESMergingReproduction.Settings, _ count: Int, stream: UInt64,
        seed: UInt64
    ) -> LabelledPoints {
        let (shared, own) = (settings.sharedInputs, settings.ownInputs)
        let clusters = GaussianClusters(
            classes: 2 * classes, dimensions: shared + own, spread: settings.spread,
            seed: seed &* 1000 &+ UInt64(task))
        let drawn = LabelledPoints(clusters, count: count, stream: stream)
        let before = Tensor.zeros([count, task * own])
        let after = Tensor.zeros([count, (settings.tasks - task - 1) * own])
        let parts = drawn.values.split([shared, own], axis: 1)
        return LabelledPoints(
            values: .concatenate([parts[0], before, parts[1], after], axis: 1),
            labels: IndexTensor(
                shape: [count], elements: drawn.labels.elements.map { $0 % Int32(classes) }))
    }

    private static func train(
        _ network: TaskNetwork, _ tasks: [LabelledPoints], _ steps: Int, only: Int? = nil,
        using generator: inout SeededGenerator
    ) {
        let optimizer = Optimizer(network, Adam(rate: rate))
        for _ in 0..<steps {
            let task = only ?? Int.random(in: 0..<tasks.count, using: &generator)
            let batch = tasks[task].batch(batch, using: &generator)
            let pass = ForwardContext(network, isTraining: true)
            let loss = network(batch.values, task: task, pass).crossEntropy(batch.labels).mean()
            optimizer.step(pass.gradients(of: loss))
        }
    }

    /// The mean accuracy over tasks with a change added to the start.
    private func accuracy(_ change: Tensor, _ points: [LabelledPoints]) -> Double {
        let body = layout.adding(change, to: base)
        let scores = points.indices.map { accuracy(body, points[$0], task: $0) }
        return scores.reduce(0, +) / Double(scores.count)
    }

    private func accuracy(
        _ body: [String: Tensor], _ points: LabelledPoints, task: Int
    ) -> Double {
        let hidden = LinearStack.logits(points.values, body).relu()
        return points.accuracy(network.heads[task](hidden, ForwardContext()))
    }

    /// The accuracy on the tests with the factor that is best on the checks.
    private func tuned(_ change: Tensor) -> (accuracy: Double, scale: Float) {
        var best = (accuracy: -1.0, scale: Float(1))
        for scale in settings.scales {
            let found = accuracy(change * scale, checks)
            if found > best.accuracy { best = (found, scale) }
        }
        return (accuracy(change * best.scale, tests), best.scale)
    }

    func measure(_ found: inout MergingFigures) {
        let method = TIESMerging(keep: settings.keep)
        let mean = PlainAveraging().merge(differences)
        let trimmed = differences.map(method.trim)
        found.start.append(accuracy(mean * 0, tests))
        let single = differences.indices.map { task in
            accuracy(layout.adding(differences[task], to: base), tests[task], task: task)
        }
        found.single.append(single.reduce(0, +) / Double(single.count))
        found.mean.append(accuracy(mean, tests))
        found.arithmetic.append(tuned(TaskArithmetic(scale: 1).merge(differences)).accuracy)
        let ties = isControl ? (accuracy(mean, tests), 1) : tuned(method.merge(differences))
        found.ties.append(ties.0)
        found.scale.append(Double(ties.1))
        found.untrimmed.append(tuned(TIESMerging(keep: 1).merge(differences)).accuracy)
        var generator = SeededGenerator(seed: seed &+ 9)
        let drawn = Tensor.uniform([layout.count], using: &generator)
        let random = method.combine(trimmed, signs: drawn)
        found.random.append(accuracy(random * ties.1, tests))
        found.randomTuned.append(tuned(random).accuracy)
        let stored = trimmed.map { TrimmedSigns($0, layout) }
        let signs = stored.map(\.values)
        let merged = method.combine(signs, signs: method.electSigns(signs))
        found.signs.append(tuned(merged).accuracy)
        found.signBytes.append(Double(stored[0].byteCount))
        found.floatBytes.append(Double(4 * layout.count))
    }
}

/// A body that all tasks share, and a head for each.
private final class TaskNetwork: Module {
    let body: LinearStack
    let heads: [Linear]

    init(
        inputs: Int, width: Int, tasks: Int, classes: Int,
        using generator: inout SeededGenerator
    ) {
        body = LinearStack([inputs, width, width], isLastRectified: true, using: &generator)
        heads = (0..<tasks).map { _ in
            Linear(width, classes, initializer: .kaimingNormal, using: &generator)
        }
    }

    var parts: Parts { ["body": body] + .list("heads", heads) }

    func callAsFunction(_ x: Tensor, task: Int, _ context: ForwardContext) -> Tensor {
        heads[task](body(x, context), context)
    }
}

/// A trimmed change as its signs and one scale per parameter.
private struct TrimmedSigns {
    /// The mean magnitude of what is kept of its parameter, with its sign; 0 for the rest.
    let values: Tensor
    /// A bit per parameter says whether it is kept, another its sign, and each tensor has a scale.
    let byteCount: Int

    init(_ trimmed: Tensor, _ layout: ParameterVector) {
        var elements = trimmed.elements
        var kept = 0
        for part in layout.parts {
            let range = part.offset..<part.offset + part.shape.reduce(1, *)
            let count = range.count { elements[$0] != 0 }
            let sum = range.reduce(0.0) { $0 + Double(elements[$1].magnitude) }
            let scale = Float(sum / Double(max(count, 1)))
            for index in range where elements[index] != 0 {
                elements[index] = elements[index] > 0 ? scale : -scale
            }
            kept += count
        }
        values = Tensor(shape: trimmed.shape, elements: elements)
        byteCount = (layout.count + 7) / 8 + (kept + 7) / 8 + 4 * layout.parts.count
    }
}
