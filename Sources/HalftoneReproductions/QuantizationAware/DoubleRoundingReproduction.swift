import HalftoneData
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// One model for four widths, against dropping bits and against a model for each width.
struct DoubleRoundingReproduction: Reproduction {
    struct Settings: Sendable, Encodable {
        var seeds: [UInt64] = [1, 2, 3]
        var widths = [8, 6, 4, 2]
        var pictures = 6000
        var heldOut = 2000
        /// Steps of the float model that all start from.
        var floatSteps = 300
        /// Batches of a model of several widths, with an update for each width.
        ///
        /// A model of one width gets as many updates in all.
        var steps = 120
        var batchSize = 64
        var width = 8
        var floatRate = 4e-3
        /// Of the weights, and of the scales at the highest width.
        var rate = 2e-3
        /// The least rate of scales, as a share of `rate`.
        var leastShare = 0.01
        /// Pictures and random directions that Hessian traces are estimated with.
        var tracePictures = 1000
        var traceSamples = 8
        /// The mean width of mixtures.
        var meanBits = 3.0
        /// Random mixtures that the chosen one is shown beside.
        var randomMixtures = 8
    }

    let record = DoubleRounding.record
    let quick = Settings(
        seeds: [1, 2], widths: [8, 2], pictures: 3000, heldOut: 1000, floatSteps: 150, steps: 60,
        tracePictures: 250, traceSamples: 2, randomMixtures: 2)
    let full = Settings()
    let control = "lower widths by dropping bits of the stored codes"
    let leftOut = """
        A residual network of eight weighted layers on drawn characters of 16 × 16 in place of \
        ResNet on CIFAR-10 and ImageNet; distillation between widths is left out. Mixtures of \
        widths are of six units, and the best of the integer program is taken without measuring \
        its runners-up.
        """

    /// A trained network with its width.
    private struct Trained {
        let model: SmallResidualNet
        let width: BitWidth
    }

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        let widths = settings.widths
        context.expect((6 + widths.count) * settings.seeds.count, "trainings")
        let task = CharacterTask.make(training: settings.pictures, heldOut: settings.heldOut)
        var float: [Double] = []
        var joint: [[Double]] = []
        var floor: [[Double]] = []
        var fixed: [[Double]] = []
        var separate: [[Double]] = []
        var differences: [Double] = []
        var floorBinds: [Double] = []
        var mixtures: [(hessian: MixtureTrial.Result, even: MixtureTrial.Result)] = []
        for seed in settings.seeds {
            func prepared(_ method: DoubleRounding, _ widths: [Int]) -> Trained {
                let width = BitWidth(widths)
                var parts = SwitchableNetParts(
                    method: method, width: width, generator: SeededGenerator(seed: seed))
                let model = SmallResidualNet(
                    channels: 1, classes: CharacterTask.classes, width: settings.width, &parts)
                return Trained(model: model, width: width)
            }
            let start = prepared(DoubleRounding(), [8])
            start.width.bits = nil
            let optimizer = Optimizer(
                start.model, Adam(rate: settings.floatRate),
                schedule: .cosine(warmup: 10, count: settings.floatSteps))
            task.train(
                start.model, optimizer, steps: settings.floatSteps,
                batchSize: settings.batchSize, seed: seed)
            float.append(task.accuracy(start.model))
            context.advance()

            func tuned(
                _ switching: DoubleRounding.Switching, _ widths: [Int], adapts: Bool
            ) -> (Trained, binds: Double) {
                let method = DoubleRounding(highestBits: widths[0], switching: switching)
                let trained = prepared(method, widths)
                copy(start.model, to: trained.model, method)
                let binds = tune(
                    trained, method, task, settings, adapts: adapts, seed: seed + 100)
                context.advance()
                return (trained, binds)
            }
            let switching = context.isControl ? DoubleRounding.Switching.floor : .rounding
            let (all, binds) = tuned(switching, widths, adapts: true)
            joint.append(accuracies(all, task))
            floorBinds.append(binds)
            floor.append(accuracies(tuned(.floor, widths, adapts: true).0, task))
            fixed.append(accuracies(tuned(switching, widths, adapts: false).0, task))
            separate.append(
                widths.map { accuracies(tuned(.rounding, [$0], adapts: false).0, task)[0] })
            let trial = MixtureTrial(
                task, DoubleRounding(highestBits: widths[0], switching: switching), settings,
                seed: seed, float: start.model)
            let hessian = try trial.result(from: all.model, usesHessian: true)
            context.advance()
            mixtures.append((hessian, try trial.result(from: all.model, usesHessian: false)))
            context.advance()
            // Last: it puts stored codes in the place of what was trained.
            differences.append(storedDifference(all, task))
        }
        let claims = claims(
            settings, float: float, joint: joint, floor: floor, fixed: fixed, separate: separate,
            differences: differences, binds: floorBinds)
        let learned = claims.guards
        let chosen = Figure("with traces", mixtures.map(\.hessian.chosen), unit: "accuracy")
        let even = Figure("evenly drawn", mixtures.map(\.even.chosen), unit: "accuracy")
        let random = Figure(
            "random mixtures, with traces", mixtures.map(\.hessian.random), unit: "accuracy")
        let unit = ClaimResult(
            "hessian-sampling", measured: chosen, baseline: even, further: [random],
            criterion: "the mean of the chosen mixture is higher, at \(settings.meanBits) bits",
            holds: chosen.mean > even.mean, guards: learned,
            unconfirmed: "six units leave a sampling less to decide than the layers of a ResNet-18")
        return Findings(guards: learned, claims: claims.claims + [unit])
    }
}

extension DoubleRoundingReproduction {
    private func claims(
        _ settings: Settings, float: [Double], joint: [[Double]], floor: [[Double]],
        fixed: [[Double]], separate: [[Double]], differences: [Double], binds: [Double]
    ) -> Findings {
        func figure(_ label: String, _ values: [[Double]], _ bits: Int) -> Figure {
            let place = settings.widths.firstIndex(of: bits) ?? 0
            return Figure("\(label), \(bits) bits", values.map { $0[place] }, unit: "accuracy")
        }
        let floatFigure = Figure("float", float, unit: "accuracy")
        let learned = Guard(
            "float reaches an accuracy of 0.8", measured: floatFigure,
            isMet: floatFigure.mean >= 0.8)
        let all = settings.widths.map { figure("one model", joint, $0) }
        let each = settings.widths.map { figure("a model each", separate, $0) }
        let (two, eight) = (figure("one model", joint, 2), figure("one model", joint, 8))
        let (floor2, floor8) = (
            figure("bits dropped", floor, 2), figure("bits dropped", floor, 8)
        )
        let fixed2 = figure("equal rates", fixed, 2)
        let gaps = zip(all, each).map { $1.mean - $0.mean }
        let isClose = zip(gaps, settings.widths).allSatisfy { $0 <= ($1 == 2 ? 0.02 : 0.005) }
        return Findings(
            guards: [learned],
            claims: [
                ClaimResult(
                    "stored-once",
                    measured: Figure(
                        "largest difference of logits", differences, unit: "logits", digits: 6),
                    further: all + [floatFigure],
                    criterion: "none at any width, of any held-out picture",
                    holds: differences.allSatisfy { $0 == 0 }, guards: [learned]),
                ClaimResult(
                    "beats-floor", measured: two, baseline: floor2, further: [eight, floor8],
                    criterion: "at least 0.01 better at 2 bits, at most 0.003 worse at 8",
                    holds: two.mean >= floor2.mean + 0.01 && eight.mean >= floor8.mean - 0.003,
                    guards: [learned]),
                ClaimResult(
                    "joint-as-separate", measured: two, baseline: each.last,
                    further: Array(all.dropLast()) + each.dropLast(),
                    criterion: "at most 0.005 below a model each, 0.02 at 2 bits",
                    holds: isClose, guards: [learned],
                    unconfirmed: "a network this small has less room for several widths"),
                ClaimResult(
                    "adaptive-rates", measured: two, baseline: fixed2,
                    further: [Figure("the floor binds", binds, unit: "share of steps")],
                    criterion: "the mean at 2 bits is at least 0.002 higher, by more than noise",
                    holds: two.mean >= fixed2.mean + 0.002 && two.lead(over: fixed2) > 0,
                    guards: [learned],
                    unconfirmed: "the effect is within the noise of a few seeds at this size"),
            ])
    }

    private func accuracies(_ trained: Trained, _ task: FigureTask) -> [Double] {
        trained.width.all.map { bits in
            trained.width.bits = bits
            return task.accuracy(trained.model)
        }
    }

    /// Gives a network the float weights of another, and each of its norms the other's norm.
    private func copy(
        _ start: SmallResidualNet, to model: SmallResidualNet, _ method: DoubleRounding
    ) {
        let values = start.snapshot
        let target = model.snapshot
        var result: [String: Tensor] = [:]
        for path in target.keys where !path.contains("scale") {
            let pieces = path.split(separator: ".").map(String.init)
            var source = pieces
            if let norm = pieces.firstIndex(of: "norms") { source[norm + 1] = "0" }
            result[path] = values[source.joined(separator: ".")]
        }
        do {
            try model.restore(result, isPartial: true)
        } catch {
            preconditionFailure("networks of one kind have the same shapes: \(error)")
        }
        for case let layer as Conv2d in model.namedModules.map(\.module) {
            guard let transform = layer.weightTransform as? SwitchableWeight else { continue }
            transform.scale.set(
                SwitchableWeight(layer.weight, method: method, width: transform.width).scale.value)
        }
    }

    /// Trains all widths of a network, an update after every width.
    ///
    /// - Returns: The share of updates at which the least rate of scales was taken.
    private func tune(
        _ trained: Trained, _ method: DoubleRounding, _ task: FigureTask, _ settings: Settings,
        adapts: Bool, seed: UInt64
    ) -> Double {
        let schedule = Schedule.cosine(warmup: 5, count: settings.steps * settings.widths.count)
        let scales = trained.model.namedParameters.filter { $0.path.contains("scale") }
        let weights = trained.model.namedParameters.filter { !$0.path.contains("scale") }
        let weightOptimizer = Optimizer([
            ParameterGroup(weights, Adam(rate: settings.rate), schedule: schedule)
        ])
        let scaleOptimizer = Optimizer([
            ParameterGroup(scales, Adam(rate: settings.rate), schedule: schedule)
        ])
        let rounds = settings.steps * settings.widths.count / trained.width.all.count
        let plan = BatchPlan(
            exampleCount: task.training.classes.count, batchSize: settings.batchSize, seed: seed)
        var bound = 0
        var updates = 0
        for step in 0..<rounds {
            for bits in trained.width.all {
                trained.width.bits = bits
                let (_, gradients) = task.gradients(trained.model, plan[step])
                weightOptimizer.step(gradients)
                if adapts {
                    let slopes = scales.compactMap { gradients[$0.parameter] }.map {
                        Double($0.item)
                    }
                    let rate = method.rate(
                        base: settings.rate, gradients: slopes, bits: bits, floor: nil)
                    let least = method.factor(bits: bits) * settings.rate * settings.leastShare
                    if rate < least { bound += 1 }
                    scaleOptimizer.groups[0].rule = Adam(rate: max(rate, least))
                }
                updates += 1
                scaleOptimizer.step(gradients)
                Self.keepPositive(scales.map(\.parameter))
            }
        }
        return Double(bound) / Double(max(updates, 1))
    }

    /// Scales that a step has moved to 0 or below stay where they divide.
    static func keepPositive(_ scales: [Parameter]) {
        for scale in scales where scale.value.item < 1e-6 && scale.value.item != 0 {
            scale.set(Tensor(shape: [1], elements: [1e-6]))
        }
    }

    /// The largest difference between the logits of training and those of the stored codes.
    private func storedDifference(
        _ trained: Trained, _ task: FigureTask
    ) -> Double {
        let before = trained.width.all.map { bits in
            trained.width.bits = bits
            return task.logits(trained.model)
        }
        for case let layer as Conv2d in trained.model.namedModules.map(\.module) {
            guard let transform = layer.weightTransform as? SwitchableWeight else { continue }
            layer.weightTransform = StoredWeight(layer.weight.value, transform)
        }
        let after = trained.width.all.map { bits in
            trained.width.bits = bits
            return task.logits(trained.model)
        }
        return zip(before, after).map { Double(($0 - $1).abs().max().item) }.max() ?? 0
    }
}
