/// How the scale of a group of numbers is chosen, in any format and at any granularity.
///
/// Errors are sums of squares, each times the importance of its number where there is one: the
/// least squares of one search are then least weighted squares.
public enum ScaleSearch: Sendable, Hashable {
    /// The levels just cover the group: no number is clipped.
    case absmax
    /// The levels just cover this share of the magnitudes, above 0 and at most 1; with importance,
    /// a share of the importance.
    case percentile(Double)
    /// The best of evenly spaced scales, from the one that covers the group down to `least` of it.
    ///
    /// - `steps`: 1 or more, so that `steps + 1` scales are tried.
    /// - `least`: Above 0 and below 1.
    case grid(steps: Int, least: Double)
    /// Codes and the scale that fits them best, `Σ w·x·q / Σ w·q²`, take turns from the scale that
    /// covers the group on, as long as the error falls.
    case iterative(turns: Int)
    /// Least squares: a walk over scales, and turns from the best places of it.
    case leastError
    /// The highest level is a statistic of the magnitudes, as the rules of binary and ternary
    /// weights have it; where groups have zero points as ``absmax``.
    case statistic(MagnitudeScale)
}

extension ScaleSearch: CaseIterable {
    /// One search of each kind, with its usual settings.
    public static let allCases: [Self] = [
        .absmax, .percentile(0.999), .grid(steps: 100, least: 0.2), .iterative(turns: 20),
        .leastError, .statistic(.mean),
    ]
}

extension ScaleSearch: CustomStringConvertible {
    /// `absmax`, `percentile-0.999`, `grid-100-0.2`, `iterative-20`, `least-error`,
    /// `statistic-mean`.
    public var description: String {
        switch self {
        case .absmax: "absmax"
        case .percentile(let share): "percentile-\(share)"
        case .grid(let steps, let least): "grid-\(steps)-\(least)"
        case .iterative(let turns): "iterative-\(turns)"
        case .leastError: "least-error"
        case .statistic(let rule): "statistic-\(rule.rawValue)"
        }
    }

    /// The search of a name as ``description`` writes it; without numbers, with the usual ones.
    public init?(named name: String) {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        if let usual = Self.allCases.first(where: { $0.kind == name }) {
            self = usual
            return
        }
        switch (parts[0], parts.count) {
        case ("percentile", 2):
            guard let share = Double(parts[1]), share > 0, share <= 1 else { return nil }
            self = .percentile(share)
        case ("grid", 3):
            guard let steps = Int(parts[1]), (1...100_000).contains(steps),
                let least = Double(parts[2]), least > 0, least < 1
            else { return nil }
            self = .grid(steps: steps, least: least)
        case ("iterative", 2):
            guard let turns = Int(parts[1]), (1...100_000).contains(turns) else { return nil }
            self = .iterative(turns: turns)
        case ("statistic", 2):
            guard let rule = MagnitudeScale(rawValue: String(parts[1])) else { return nil }
            self = .statistic(rule)
        default: return nil
        }
    }

    private var kind: String {
        switch self {
        case .absmax: "absmax"
        case .percentile: "percentile"
        case .grid: "grid"
        case .iterative: "iterative"
        case .leastError: "least-error"
        case .statistic: "statistic"
        }
    }
}

extension ScaleSearch: Codable {
    /// Reads a search from its name, a string.
    ///
    /// - Throws: `DecodingError`, also for a name that ``init(named:)`` refuses.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let search = Self(named: name) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\(name) is no way to choose scales")
        }
        self = search
    }

    /// Writes the name as a string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
