import Foundation

/// The way to the least size whose loss is at most a limit, with few measurements.
///
/// A forecast that falls with the size says where to begin. Behind each measurement the forecast is
/// corrected by its factor; once one size is known to be enough and another is not, the next lies
/// between them where the logarithm of the loss, a line from one to the other, meets the limit.
struct LossSearch {
    private let limit: Double
    private let sizes: ClosedRange<Int>
    private let trials: Int
    private let forecast: (Int) -> Double
    private var count = 0
    /// The largest size that is not enough, and the least that is.
    private var small: (size: Int, loss: Double)?
    private var enough: (size: Int, loss: Double)?

    /// The share of a size within which its neighbour is near enough.
    private static let precision = 0.002

    /// Sets up a search.
    ///
    /// - Parameters:
    ///   - limit: The loss that is allowed.
    ///   - sizes: The least and the largest.
    ///   - trials: Measurements at most; the last ones try the largest size if none was enough.
    ///   - forecast: About the loss of a size, perhaps in another unit.
    init(
        limit: Double, sizes: ClosedRange<Int>, trials: Int, forecast: @escaping (Int) -> Double
    ) {
        (self.limit, self.sizes, self.trials) = (limit, sizes, trials)
        self.forecast = forecast
    }

    /// Notes what was measured.
    ///
    /// - Parameters:
    ///   - asked: The size that was asked for.
    ///   - size: The one that it came to, at most `asked`.
    ///   - loss: What was found.
    mutating func note(asked: Int, size: Int, loss: Double) {
        count += 1
        if loss <= limit {
            if size < enough?.size ?? .max { enough = (size, loss) }
        } else if asked > small?.size ?? .min {
            small = (asked, loss)
        }
    }

    /// The size to measure next; nil when the search is over.
    func next() -> Int? {
        guard count < trials else { return nil }
        switch (small, enough) {
        case (nil, nil): return least(forecast: limit)
        case (let small?, nil):
            guard small.size < sizes.upperBound else { return nil }
            guard count < trials - 1 else { return sizes.upperBound }
            // Each failure asks for more than the one before it.
            let wanted = limit / small.loss * forecast(small.size) * pow(0.8, Double(count))
            let least = min(small.size + step(small.size), sizes.upperBound)
            return max(self.least(forecast: wanted), least)
        case (nil, let enough?):
            guard enough.size > sizes.lowerBound else { return nil }
            let wanted = limit / enough.loss * forecast(enough.size)
            let size = least(forecast: wanted)
            return max(min(size, enough.size - step(enough.size)), sizes.lowerBound)
        case (let small?, let enough?):
            let gap = enough.size - small.size
            guard gap > 2 * step(enough.size) else { return nil }
            let fall = log(small.loss / max(enough.loss, 1e-12))
            let share = log(small.loss / limit) / fall
            return small.size + Int(Double(gap) * min(max(share, 0.1), 0.9))
        }
    }

    private func step(_ size: Int) -> Int { max(Int(Self.precision * Double(size)), 1) }

    /// The least size whose forecast is at most a number; the largest one when none is.
    private func least(forecast wanted: Double) -> Int {
        var (low, high) = (sizes.lowerBound, sizes.upperBound)
        while low < high, high - low > step(high) / 4 {
            let middle = low + (high - low) / 2
            if forecast(middle) <= wanted { high = middle } else { low = middle + 1 }
        }
        return high
    }
}
