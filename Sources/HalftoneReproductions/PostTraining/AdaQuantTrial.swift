import HalftoneAllocation
import HalftoneEvaluation
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// A trained network of one seed, its twin that rounds, and what its layers see.
struct AdaQuantTrial {
    private let task: FigureTask
    private let settings: AdaQuantReproduction.Settings
    private let method: AdaQuant
    private let isControl: Bool
    private let seed: UInt64
    private let net: SmallResidualNet
    private let layers: [AffineLayer]
    private let pictures: Tensor
    private let classes: IndexTensor
    /// What flows into and out of each layer of the float network.
    private let float: Flow
    private let floatHeldOut: Flow
    /// Of the twin, with the smallest and largest numbers as ranges.
    private let start: [String: Tensor]

    /// What flows through a network.
    struct Flow {
        var logits: Tensor
        var inputs: [Tensor]
        var outputs: [Tensor]
    }

    /// Trains a network and measures the ranges of its twin.
    init(
        _ task: FigureTask, _ settings: AdaQuantReproduction.Settings, seed: UInt64,
        isControl: Bool
    ) {
        (self.task, self.settings, self.seed) = (task, settings, seed)
        self.isControl = isControl
        method = settings.method
        var parts = FoldableNetParts(generator: SeededGenerator(seed: seed))
        let trained = SmallResidualNet(
            channels: 1, classes: task.classes, width: settings.width, &parts)
        let optimizer = Optimizer(
            trained, Adam(rate: settings.rate),
            schedule: .cosine(warmup: 10, count: settings.steps))
        task.train(
            trained, optimizer, steps: settings.steps, batchSize: settings.batchSize, seed: seed)
        var twin = AffineNetParts(units: parts.units, classifier: parts.classifier)
        net = SmallResidualNet(channels: 1, classes: task.classes, width: settings.width, &twin)
        layers = twin.layers
        let count = min(settings.calibration, task.training.classes.count)
        pictures = task.training.pictures.rows(0..<count)
        classes = IndexTensor(task.training.classes.prefix(count).map { Int($0) })
        float = Self.flow(net, layers, pictures)
        let checked = min(settings.checked, task.heldOut.classes.count)
        floatHeldOut = Self.flow(net, layers, task.heldOut.pictures.rows(0..<checked))
        for (layer, inputs) in zip(layers, float.inputs) { layer.measureInput(inputs) }
        start = net.snapshot
    }

    private static func flow(
        _ net: SmallResidualNet, _ layers: [AffineLayer], _ pictures: Tensor
    ) -> Flow {
        let context = ForwardContext(net)
        var seen: [String: Tensor] = [:]
        context.hook { activation, site in
            seen["\(site.path) \(site.name)"] = activation
            return nil
        }
        let logits = net(pictures, context)
        func all(_ name: String) -> [Tensor] {
            layers.compactMap { seen["\(context.path(of: $0)) \(name)"] }
        }
        return Flow(logits: logits, inputs: all("input"), outputs: all("output"))
    }

    private func set(_ bits: [Int?]) {
        for (layer, bits) in zip(layers, bits) { layer.bits = bits }
    }

    private func set(_ bits: Int?) { set([Int?](repeating: bits, count: layers.count)) }

    /// Calibrates a layer, or leaves it in a control run.
    private func calibrate(_ place: Int, _ inputs: Tensor) {
        guard !isControl else { return }
        method.calibrate(
            layers[place], inputs: inputs, targets: float.outputs[place],
            seed: seed &* 1000 &+ UInt64(place))
    }

    /// The mean squared error of a layer's output on float inputs.
    private func error(_ place: Int, _ flow: Flow) -> Double {
        let difference = layers[place](flow.inputs[place], ForwardContext()) - flow.outputs[place]
        return Double(difference.squared().mean().item)
    }

    /// The cross-entropy of held-out pictures and the share of them whose class is right.
    private func heldOut() -> (loss: Double, accuracy: Double) {
        let logits = task.logits(net)
        let classes = IndexTensor(task.heldOut.classes.map { Int($0) })
        return (
            Double(Loss.crossEntropy(logits, classes).item),
            task.accuracy(FigureTask.classes(logits))
        )
    }

    /// KL(float ‖ rounded) on held-out pictures.
    private func divergence() -> Double {
        let count = floatHeldOut.logits.shape[0]
        let logits = net(task.heldOut.pictures.rows(0..<count), ForwardContext())
        return Double(Loss.klDivergence(logits, reference: floatHeldOut.logits).item)
    }
}

extension AdaQuantTrial {
    /// Measures everything.
    func measure(_ found: inout AdaQuantFigures, advance: () -> Void) throws {
        set(nil)
        found.float.append(heldOut().accuracy)
        set(4)
        found.minMax.append(heldOut().accuracy)
        advance()
        let solved = try measureLayers(&found)
        advance()
        try measureWhole(&found)
        advance()
        try measureNorms(&found)
        advance()
        try measureMixtures(solved, &found)
        advance()
    }

    /// Calibrates each layer apart, and measures its error on inputs that it was not calibrated on.
    ///
    /// - Returns: By layer and width, the layer's numbers.
    private func measureLayers(_ found: inout AdaQuantFigures) throws -> [[[String: Tensor]]] {
        var reductions: [Double] = []
        var better = 0
        var calibrationReductions: [Double] = []
        var solved: [[[String: Tensor]]] = []
        for (place, layer) in layers.enumerated() {
            let begun = layer.snapshot
            var states: [[String: Tensor]] = []
            for bits in settings.widths {
                try layer.restore(begun)
                layer.bits = bits
                let before = (error(place, float), error(place, floatHeldOut))
                // The highest width stays as it is: it is what losses are measured against.
                if bits < settings.widths.max() ?? 8 { calibrate(place, float.inputs[place]) }
                if bits == 4 {
                    let after = (error(place, float), error(place, floatHeldOut))
                    calibrationReductions.append(1 - after.0 / before.0)
                    reductions.append(1 - after.1 / before.1)
                    if after.1 < before.1 { better += 1 }
                }
                states.append(layer.snapshot)
            }
            try layer.restore(begun)
            solved.append(states)
        }
        let steps = layers.map { Double($0.weightRange.value.mean().item) / 15 }
        found.step.append(steps.reduce(0, +) / Double(steps.count))
        found.better.append(Double(better) / Double(layers.count))
        found.reduction.append(Self.median(reductions))
        found.calibrationReduction.append(Self.median(calibrationReductions))
        return solved
    }

    /// Calibrates layer after layer at 4 bits, each behind the rounded ones, then tunes biases.
    private func measureWhole(_ found: inout AdaQuantFigures) throws {
        try net.restore(start)
        set(nil)
        for (place, layer) in layers.enumerated() {
            let inputs = Self.flow(net, layers, pictures).inputs[place]
            layer.bits = 4
            calibrate(place, inputs)
        }
        found.calibrated.append(heldOut().accuracy)
        found.divergence.append(divergence())
        if !isControl {
            method.tuneBiases(
                layers, inputs: pictures, reference: float.logits, seed: seed &+ 7
            ) { net($0, $1) }
        }
        found.tunedDivergence.append(divergence())
        found.tuned.append(heldOut().accuracy)
    }

    /// Measures norms anew in a network whose layers were not calibrated.
    private func measureNorms(_ found: inout AdaQuantFigures) throws {
        try net.restore(start)
        set(nil)
        method.paraNormalize(layers, batches: []) { _, _ in }
        let logits = net(pictures, ForwardContext())
        found.normChange.append(Double((logits - float.logits).abs().max().item))
        try net.restore(start)
        set(4)
        let size = method.batchSize
        let batches = (0..<pictures.shape[0] / size).map {
            pictures.rows($0 * size..<($0 + 1) * size)
        }
        if !isControl { method.paraNormalize(layers, batches: batches) { _ = net($0, $1) } }
        found.normalized.append(heldOut().accuracy)
        try net.restore(start)
    }

    /// Chooses widths by the program, and measures them beside random ones of the same size.
    private func measureMixtures(
        _ solved: [[[String: Tensor]]], _ found: inout AdaQuantFigures
    ) throws {
        let widths = settings.widths
        func use(_ choices: [Int]) throws {
            for (place, choice) in choices.enumerated() {
                try layers[place].restore(solved[place][choice])
                layers[place].bits = widths[choice]
            }
        }
        func calibrationLoss() -> Double {
            Double(Loss.crossEntropy(net(pictures, ForwardContext()), classes).item)
        }
        let highest = widths.indices.max { widths[$0] < widths[$1] } ?? 0
        let all = [Int](repeating: highest, count: layers.count)
        try use(all)
        let base = calibrationLoss()
        var losses: [[Double]] = []
        for place in layers.indices {
            var own: [Double] = []
            for choice in widths.indices {
                var choices = all
                choices[place] = choice
                try use(choices)
                own.append(calibrationLoss())
            }
            losses.append(own)
        }
        let counts = layers.map(\.weight.value.count)
        let budget = Int(settings.meanBits * Double(counts.reduce(0, +)))
        let problem = method.problem(
            losses: losses, base: base, widths: widths, weightCounts: counts,
            budgetInBits: budget)
        let allocation = try ExactAllocator().allocate(problem)
        try use(allocation.choices)
        found.program.append(heldOut().accuracy)
        var generator = SeededGenerator(seed: seed &+ 300)
        var predicted: [Double] = []
        var measured: [(loss: Double, accuracy: Double)] = []
        while measured.count < settings.mixtures {
            let choices = layers.map { _ in Int.random(in: widths.indices, using: &generator) }
            let size = problem.measure(choices).size
            guard size <= budget, Double(size) >= 0.95 * Double(budget) else { continue }
            try use(choices)
            predicted.append(problem.measure(choices).cost)
            measured.append(heldOut())
        }
        found.bestRandom.append(measured.map(\.accuracy).max() ?? 0)
        found.meanRandom.append(
            measured.reduce(0) { $0 + $1.accuracy } / Double(measured.count))
        found.correlation.append(RankCorrelation.spearman(predicted, measured.map(\.loss)))
        try net.restore(start)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let half = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[half - 1] + sorted[half]) / 2 : sorted[half]
    }
}

/// What was measured, a value per seed.
struct AdaQuantFigures {
    var float: [Double] = []
    var minMax: [Double] = []
    var better: [Double] = []
    var step: [Double] = []
    var reduction: [Double] = []
    var calibrationReduction: [Double] = []
    var calibrated: [Double] = []
    var tuned: [Double] = []
    var divergence: [Double] = []
    var tunedDivergence: [Double] = []
    var normChange: [Double] = []
    var normalized: [Double] = []
    var program: [Double] = []
    var bestRandom: [Double] = []
    var meanRandom: [Double] = []
    var correlation: [Double] = []
}

/// A float network whose norms can be folded.
private struct FoldableNetParts: NetParts {
    var generator: SeededGenerator
    private var convolutions: [Conv2d] = []
    private var norms: [BatchNorm] = []
    private(set) var classifier: Linear?

    init(generator: SeededGenerator) { self.generator = generator }

    /// Convolutions with the norms behind them, in the order in which they were made.
    var units: [(convolution: Conv2d, norm: BatchNorm)] {
        zip(convolutions, norms).map { ($0, $1) }
    }

    mutating func convolution(
        _ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool
    ) -> any Layer {
        let layer = floatConvolution(ins, outs, kernel: kernel, stride: stride)
        convolutions.append(layer)
        return layer
    }

    mutating func norm(_ channels: Int) -> any Layer {
        let norm = BatchNorm(channels: channels)
        norms.append(norm)
        return norm
    }

    mutating func activation() -> (any Layer)? { nil }

    mutating func head(_ ins: Int, _ classes: Int) -> any Layer {
        let layer = Linear(ins, classes, using: &generator)
        classifier = layer
        return layer
    }
}

/// The same network with norms folded into layers that round.
private struct AffineNetParts: NetParts {
    let units: [(convolution: Conv2d, norm: BatchNorm)]
    let classifier: Linear?
    var generator = SeededGenerator(seed: 0)
    /// In an order in which each follows those that it reads.
    private(set) var layers: [AffineLayer] = []

    init(units: [(convolution: Conv2d, norm: BatchNorm)], classifier: Linear?) {
        self.units = units
        self.classifier = classifier
    }

    mutating func convolution(
        _ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool
    ) -> any Layer {
        let (convolution, norm) = units[layers.count]
        let layer = AffineLayer(
            weight: convolution.weight.value, bias: nil, product: convolution.form, norm: norm)
        layers.append(layer)
        return layer
    }

    mutating func norm(_ channels: Int) -> any Layer { ActivationLayer(.identity) }

    mutating func activation() -> (any Layer)? { nil }

    mutating func head(_ ins: Int, _ classes: Int) -> any Layer {
        let layer = AffineLayer(
            weight: classifier?.weight.value ?? .zeros([classes, ins]),
            bias: classifier?.bias?.value, product: LinearProduct())
        layers.append(layer)
        return layer
    }
}
