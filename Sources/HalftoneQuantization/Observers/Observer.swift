import HalftoneTensor

/// Statistics of the numbers that pass a point, from which a quantizer takes its range.
public protocol Observer: Sendable {
    /// Whether further numbers are ignored.
    var isFrozen: Bool { get set }

    /// The range so far; nil before anything was seen.
    var range: ClosedRange<Float>? { get }

    /// Takes numbers into account, frozen or not; empty tensors leave everything as it was.
    mutating func update(_ x: Tensor)
}

extension Observer {
    /// Takes numbers into account unless frozen.
    public mutating func observe(_ x: Tensor) {
        guard !isFrozen, x.count > 0 else { return }
        update(x)
    }
}

/// The smallest and the largest number ever seen.
public struct MinMaxObserver: Observer {
    /// Whether further numbers are ignored.
    public var isFrozen = false

    /// The range so far.
    public private(set) var range: ClosedRange<Float>?

    /// Creates an observer that has seen nothing.
    public init() {}

    /// Widens the range; NaN is a mistake of the caller.
    public mutating func update(_ x: Tensor) {
        let (low, high) = x.extremes
        range = min(range?.lowerBound ?? low, low)...max(range?.upperBound ?? high, high)
    }
}

/// Moving averages of the smallest and the largest number of each batch.
///
/// The first batch sets both; each later one moves them by `1 − decay` of the way.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, section 3.1.2.
public struct MovingAverageObserver: Observer {
    /// Whether further numbers are ignored.
    public var isFrozen = false

    /// How much of the old average stays, 0 to 1.
    public var decay: Float

    /// The averages.
    public private(set) var range: ClosedRange<Float>?

    /// Creates an observer that has seen nothing.
    public init(decay: Float = 0.99) { self.decay = decay }

    /// Moves the averages; NaN is a mistake of the caller.
    public mutating func update(_ x: Tensor) {
        let (low, high) = x.extremes
        guard let old = range else {
            range = low...high
            return
        }
        let share = 1 - decay
        let start = old.lowerBound + share * (low - old.lowerBound)
        range = start...max(start, old.upperBound + share * (high - old.upperBound))
    }
}

extension Tensor {
    /// The smallest and the largest element.
    fileprivate var extremes: (Float, Float) {
        let numbers = stopGradient()
        return (numbers.min().item, numbers.max().item)
    }
}
