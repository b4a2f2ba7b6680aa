import Foundation

/// How a learning rate changes over a training, as a factor on the rate of the rule.
public struct Schedule: Sendable, Codable, Hashable {
    /// What follows the warm-up.
    public enum Shape: String, Sendable, Codable, CaseIterable {
        /// The factor stays 1.
        case constant
        /// A straight line down to the floor.
        case linear
        /// Half a cosine down to the floor.
        case cosine
        /// Divided by a constant every so many steps.
        case steps
    }

    /// What follows the warm-up.
    public var shape: Shape
    /// Steps over which the factor rises in a straight line, the first of them not being 0.
    public var warmup: Int
    /// All steps of the training; what comes after has the last factor.
    public var count: Int
    /// The factor at the end of a line or a cosine.
    public var floor: Double
    /// For ``Shape/steps``: how many steps a factor lasts.
    public var interval: Int
    /// For ``Shape/steps``: what the factor is multiplied by each time.
    public var decay: Double

    /// Creates a schedule.
    public init(
        _ shape: Shape, warmup: Int = 0, count: Int = 0, floor: Double = 0, interval: Int = 1,
        decay: Double = 0.1
    ) {
        self.shape = shape
        self.warmup = warmup
        self.count = count
        self.floor = floor
        self.interval = interval
        self.decay = decay
    }

    /// The same rate throughout.
    public static let constant = Schedule(.constant)

    /// Half a cosine after a warm-up.
    public static func cosine(warmup: Int = 0, count: Int, floor: Double = 0) -> Schedule {
        Schedule(.cosine, warmup: warmup, count: count, floor: floor)
    }

    /// A straight line down after a warm-up.
    public static func linear(warmup: Int = 0, count: Int, floor: Double = 0) -> Schedule {
        Schedule(.linear, warmup: warmup, count: count, floor: floor)
    }

    /// Divided every so many steps.
    public static func steps(
        every interval: Int, times decay: Double = 0.1, warmup: Int = 0
    ) -> Schedule {
        Schedule(.steps, warmup: warmup, interval: interval, decay: decay)
    }

    /// The factor of a step, counted from 0.
    ///
    /// With `t = (step − warmup) / (count − warmup)`, a cosine is
    /// `floor + (1 − floor)(1 + cos πt) / 2` and a line `floor + (1 − floor)(1 − t)`.
    public func factor(at step: Int) -> Double {
        if step < warmup { return Double(step + 1) / Double(warmup) }
        let span = max(1, count - warmup)
        let share = min(1, Double(step - warmup) / Double(span))
        switch shape {
        case .constant: return 1
        case .linear: return floor + (1 - floor) * (1 - share)
        case .cosine: return floor + (1 - floor) * (1 + cos(.pi * share)) / 2
        case .steps: return pow(decay, Double((step - warmup) / max(1, interval)))
        }
    }
}
