import HalftoneFiles
import HalftoneKernels
import HalftoneNN
import HalftoneTensor
import HalftoneTesting
import Testing

/// Paths of the optimizers, held to those that PyTorch took in float64.
struct OptimizerTests {
    @Test(arguments: [
        "sgd", "sgdMomentum", "sgdDamped", "sgdNesterov", "sgdDecayScheduled", "sgdClipped", "adam",
        "adamCoupledDecay", "adamAmsgrad", "adamW", "adamWScheduled", "adagrad", "adagradDecayed",
        "rmsProp",
    ])
    func followsTheStoredPath(name: String) throws {
        let fixture = try TrainingFixture("optimizers")
        let settings = try #require(fixture.json["cases"]?[name])
        let start = try #require(fixture.tensor("start"))
        let gradients = try #require(fixture.tensor("gradients"))
        let path = try #require(fixture.tensor(name))
        let module = Plain(start)
        let rule = try #require(Self.rule(settings))
        let optimizer = Optimizer(module, rule)
        let rates = settings["rates"]?.array?.compactMap(\.double)
        for step in 0..<12 {
            if let rates { optimizer.groups[0].schedule = .times(rates[step]) }
            var found = Gradients([(module.weight, gradients[row: step])])
            if let limit = settings["clipped"]?.double { found.clip(toNorm: limit) }
            optimizer.step(found)
            // A step is at most ten float32 operations on numbers below 4, each off by at most
            // half an ulp, 1.2e-7 there; Adam's quotient of two small moments can be off by as
            // much relative to a step of 0.05. Twelve steps add up.
            let bound = Double(step + 1) * 1e-6
            #expect(
                checkClose(
                    module.weight.value.elements.array, path[row: step].elements.map(Double.init),
                    within: bound, "\(name) after step \(step + 1)"
                ).isEmpty)
        }
    }

    /// The rule that a case of the fixture names.
    private static func rule(_ settings: JSONValue) -> (any UpdateRule)? {
        func number(_ name: String, _ other: Double) -> Double { settings[name]?.double ?? other }
        let rate = number("lr", 0)
        let betas = settings["betas"]?.array?.compactMap(\.double) ?? [0.9, 0.999]
        switch settings["optimizer"]?.string {
        case "SGD":
            return SGD(
                rate: rate, momentum: Float(number("momentum", 0)),
                dampening: Float(number("dampening", 0)),
                weightDecay: Float(number("weight_decay", 0)),
                isNesterov: settings["nesterov"]?.bool ?? false)
        case "Adam", "AdamW":
            let isDecoupled = settings["optimizer"]?.string == "AdamW"
            return Adam(
                rate: rate, firstDecay: betas[0], secondDecay: betas[1],
                epsilon: Float(number("eps", 1e-8)),
                weightDecay: Float(number("weight_decay", isDecoupled ? 0.01 : 0)),
                isDecayDecoupled: isDecoupled, keepsLargest: settings["amsgrad"]?.bool ?? false)
        case "Adagrad":
            return Adagrad(
                rate: rate, rateDecay: number("lr_decay", 0),
                weightDecay: Float(number("weight_decay", 0)),
                initialSum: Float(number("initial_accumulator_value", 0)),
                epsilon: Float(number("eps", 1e-10)))
        case "RMSprop":
            return RMSProp(
                rate: rate, smoothing: number("alpha", 0.99), epsilon: Float(number("eps", 1e-8)),
                momentum: Float(number("momentum", 0)))
        default: return nil
        }
    }

    /// Longer than a vector and not a multiple of one, against the rule in Double.
    @Test(arguments: [1, 7, 8, 9, 1023, 40_000])
    func treatsEveryElementAlike(count: Int) {
        let start = Tensor.normal([count], seed: 1)
        let gradient = Tensor.normal([count], seed: 2)
        let module = Plain(start)
        let optimizer = Optimizer(module, Adam.decoupled(rate: 0.1, weightDecay: 0.5))
        optimizer.step(Gradients([(module.weight, gradient)]))
        let expected = zip(start.elements, gradient.elements).map { weight, gradient in
            let slope = Double(gradient)
            let step: Double = 0.1 * slope / (slope.magnitude + 1e-8)
            return Double(weight) * (1 - 0.1 * 0.5) - step
        }
        // Six operations on numbers below 5; the quotient is ±1 within 4 ulp.
        let found = module.weight.value.elements.array
        #expect(checkClose(found, expected, within: 2e-6).isEmpty)
    }

    @Test func goesOnFromItsStateBitForBit() throws {
        let gradients = (0..<6).map { Tensor.normal([9], seed: $0) }
        func train(stoppingAt stop: Int?) throws -> Tensor {
            let module = Plain(.normal([9], seed: 99))
            var optimizer = Optimizer(module, Adam(rate: 0.1), schedule: .cosine(count: 6))
            for (step, gradient) in gradients.enumerated() {
                if step == stop {
                    let state = optimizer.state
                    optimizer = Optimizer(module, Adam(rate: 0.1), schedule: .cosine(count: 6))
                    try optimizer.restore(state)
                }
                optimizer.step(Gradients([(module.weight, gradient)]))
            }
            return module.weight.value
        }
        let whole = try train(stoppingAt: nil)
        #expect(try train(stoppingAt: 3) == whole)
    }

    @Test func refusesAStateOfAnotherShape() {
        let module = Plain(.normal([9], seed: 1))
        let optimizer = Optimizer(module, Adam(rate: 0.1))
        let state = SavedState(
            tensors: ["weight.first_moment": .zeros([8])], integers: ["steps": 1, "weight": 1])
        #expect(throws: ModuleError.self) { try optimizer.restore(state) }
        #expect(optimizer.stepCount == 0)
    }

    @Test func leavesFrozenParametersAlone() {
        let module = Plain(.normal([4], seed: 1))
        let before = module.weight.value
        module.freeze()
        let optimizer = Optimizer(module, SGD(rate: 1))
        optimizer.step(Gradients([(module.weight, .filled([4], with: 1))]))
        #expect(module.weight.value == before)
    }

    @Test func schedulesHaveTheirShapes() {
        let cosine = Schedule.cosine(warmup: 4, count: 12, floor: 0.1)
        #expect(cosine.factor(at: 0) == 0.25)
        #expect(cosine.factor(at: 3) == 1)
        #expect(cosine.factor(at: 4) == 1)
        #expect((cosine.factor(at: 8) - 0.55).magnitude < 1e-12)
        #expect((cosine.factor(at: 12) - 0.1).magnitude < 1e-12)
        #expect((cosine.factor(at: 50) - 0.1).magnitude < 1e-12)
        #expect((Schedule.linear(count: 10).factor(at: 4) - 0.6).magnitude < 1e-12)
        let steps = Schedule.steps(every: 3, times: 0.5)
        #expect((0..<7).map { steps.factor(at: $0) } == [1, 1, 1, 0.5, 0.5, 0.5, 0.25])
    }

    @Test func averagesFollowTheWeights() {
        let module = Plain(.filled([3], with: 1))
        let average = MovingAverage(module, decay: 0.75)
        module.weight.set(.filled([3], with: 5))
        average.update()
        average.update()
        // 1 → 2 → 2.75, exact in binary.
        #expect(average.values["weight"] == .filled([3], with: 2.75))
        average.withAverages { #expect(module.weight.value == .filled([3], with: 2.75)) }
        #expect(module.weight.value == .filled([3], with: 5))
    }
}

/// A module of one parameter.
private final class Plain: Module {
    let weight: Parameter
    init(_ value: Tensor) { weight = Parameter(value) }
    var parts: Parts { ["weight": weight] }
}

extension Schedule {
    /// The same factor throughout.
    fileprivate static func times(_ factor: Double) -> Schedule {
        // The line from 1 to the factor over one step is over after that step.
        Schedule(.linear, warmup: -1, count: 0, floor: factor)
    }
}
