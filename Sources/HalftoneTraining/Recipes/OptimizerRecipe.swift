import HalftoneNN
import HalftoneRecipes

/// The optimizer of a recipe: one rule for matrices and one without decay for vectors.
public struct OptimizerRecipe: Codable, Sendable, Hashable {
    /// Which rule.
    public enum Rule: String, Codable, Sendable, CaseIterable {
        /// Stochastic gradient descent.
        case sgd
        /// Adam with a decay that acts through the gradient.
        case adam
        /// Adam with a decay that acts on the weight.
        case adamw
        /// Adagrad.
        case adagrad
        /// RMSprop.
        case rmsprop
    }

    /// Which rule.
    public var rule: Rule
    /// The highest learning rate.
    public var rate: Double
    /// Share of the direction that is kept, for `sgd` and `rmsprop`.
    public var momentum: Float?
    /// Shares of the moments that are kept, for `adam` and `adamw`.
    public var betas: [Double]?
    /// Added to roots, for all but `sgd`.
    public var epsilon: Float?
    /// Pulls weights towards 0.
    public var weightDecay: Float?
    /// Whether gains, offsets and biases decay too.
    public var decaysVectors: Bool?
    /// How the rate changes after the warm-up.
    public var schedule: Schedule.Shape?
    /// Steps over which the rate rises.
    public var warmup: Int?
    /// The share of the rate that is left at the end.
    public var floor: Double?
    /// For the schedule `steps`: how many steps a rate lasts.
    public var interval: Int?
    /// For the schedule `steps`: what the rate is multiplied by each time.
    public var decay: Double?

    /// Describes an optimizer.
    public init(rule: Rule, rate: Double) {
        self.rule = rule
        self.rate = rate
    }

    /// The optimizer for a module and a number of steps.
    public func optimizer(for module: any Module, steps: Int) -> Optimizer {
        let schedule = Schedule(
            schedule ?? .constant, warmup: warmup ?? 0, count: steps, floor: floor ?? 0,
            interval: interval ?? 1, decay: decay ?? 0.1)
        let isUniform = decaysVectors ?? false
        let matrices = ParameterGroup(
            module, updateRule(decays: true), schedule: schedule
        ) { isUniform || $1.shape.count > 1 }
        let vectors = ParameterGroup(
            module, updateRule(decays: false), schedule: schedule
        ) { !isUniform && $1.shape.count <= 1 }
        return Optimizer([matrices, vectors].filter { !$0.parameters.isEmpty })
    }

    private func updateRule(decays: Bool) -> any UpdateRule {
        let decay = decays ? weightDecay ?? 0 : 0
        let (first, second) = (betas?.first ?? 0.9, betas?.last ?? 0.999)
        switch rule {
        case .sgd:
            return SGD(rate: rate, momentum: momentum ?? 0, weightDecay: decay)
        case .adam, .adamw:
            return Adam(
                rate: rate, firstDecay: first, secondDecay: second, epsilon: epsilon ?? 1e-8,
                weightDecay: decay, isDecayDecoupled: rule == .adamw)
        case .adagrad:
            return Adagrad(rate: rate, weightDecay: decay, epsilon: epsilon ?? 1e-10)
        case .rmsprop:
            return RMSProp(
                rate: rate, epsilon: epsilon ?? 1e-8, weightDecay: decay, momentum: momentum ?? 0)
        }
    }

    /// Notes what the types allow and the optimizer does not.
    ///
    /// - Parameters:
    ///   - checks: Where problems are noted.
    ///   - path: Where the recipe has it.
    public func check(_ checks: inout RecipeChecks, _ path: String) {
        checks.require(rate > 0 && rate.isFinite, "\(path).rate", "has to be above 0")
        checks.require(
            (momentum ?? 0) >= 0 && (momentum ?? 0) < 1, "\(path).momentum",
            "has to be from 0 to below 1")
        checks.require(
            betas.map { $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 } } ?? true,
            "\(path).betas", "has to be two numbers from 0 to below 1")
        checks.require((epsilon ?? 1) > 0, "\(path).epsilon", "has to be above 0")
        checks.require((weightDecay ?? 0) >= 0, "\(path).weightDecay", "has to be at least 0")
        checks.require((warmup ?? 0) >= 0, "\(path).warmup", "has to be at least 0")
        checks.require((interval ?? 1) >= 1, "\(path).interval", "has to be at least 1")
        checks.require(floor ?? 0, in: 0...1, "\(path).floor")
    }
}

extension TrainingOptions {
    /// Notes what the types allow and a training does not.
    ///
    /// - Parameters:
    ///   - checks: Where problems are noted.
    ///   - path: Where the recipe has it.
    public func check(_ checks: inout RecipeChecks, _ path: String) {
        checks.require(steps >= 1, "\(path).steps", "has to be at least 1")
        checks.require(accumulation >= 1, "\(path).accumulation", "has to be at least 1")
        checks.require((clipNorm ?? 1) > 0, "\(path).clipNorm", "has to be above 0")
        checks.require(averageDecay ?? 0, in: 0...1, "\(path).averageDecay")
        checks.require(metricsInterval >= 1, "\(path).metricsInterval", "has to be at least 1")
        checks.require(
            checkpointInterval >= 1, "\(path).checkpointInterval", "has to be at least 1")
        checks.require(
            (evaluationInterval ?? 1) >= 1, "\(path).evaluationInterval", "has to be at least 1")
    }
}
