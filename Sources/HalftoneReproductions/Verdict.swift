/// What a measurement says about a claim.
public enum Verdict: String, Sendable, Hashable, CaseIterable, Codable {
    /// The claim holds here by more than the noise.
    case pass
    /// It does not hold here, for a reason that the result gives; that says nothing against the
    /// paper, whose setting is larger.
    case notConfirmed = "not confirmed"
    /// A guard was not met, so the run proves nothing, one way or the other.
    case void
    /// It held when the reproduction was written and does not hold now: the method is broken.
    case fail

    /// The worst of several verdicts, in the order of the cases; `pass` of none.
    public static func worst(of verdicts: [Verdict]) -> Verdict {
        allCases.last { verdicts.contains($0) } ?? .pass
    }

    /// Whether a command that meets it ends with an error.
    public var isError: Bool { self == .fail || self == .void }
}

/// A condition without which a measurement would prove nothing.
public struct Guard: Sendable, Equatable, Codable {
    /// The condition in one sentence, its bound included.
    public let condition: String

    /// What was found.
    public let measured: Figure

    /// Whether it is met.
    public let isMet: Bool

    /// States a condition and what was found.
    public init(_ condition: String, measured: Figure, isMet: Bool) {
        self.condition = condition
        self.measured = measured
        self.isMet = isMet
    }
}

/// What was measured for one claim.
public struct ClaimResult: Sendable, Equatable, Codable {
    /// The claim's id in the method's record.
    public let claim: String

    /// The figure that the claim is about.
    public let measured: Figure

    /// What it is compared with in the same run; nil when the claim compares nothing.
    public let baseline: Figure?

    /// Other figures that help to read it.
    public let further: [Figure]

    /// What has to be true of the figures, its margin included.
    public let criterion: String

    /// What the measurement says.
    public let verdict: Verdict

    /// Why a claim is not confirmed; nil otherwise.
    public let reason: String?

    /// Judges a claim.
    ///
    /// - Parameters:
    ///   - claim: An id of the record.
    ///   - measured: The figure that the claim is about.
    ///   - baseline: What it is compared with, from the same run.
    ///   - further: Other figures.
    ///   - criterion: What has to be true, in words.
    ///   - holds: Whether it is.
    ///   - guards: What has to be met for a verdict at all.
    ///   - unconfirmed: Why the claim need not hold at this size. Without it a claim that does not
    ///     hold fails.
    public init(
        _ claim: String, measured: Figure, baseline: Figure? = nil, further: [Figure] = [],
        criterion: String, holds: Bool, guards: [Guard] = [], unconfirmed: String? = nil
    ) {
        self.claim = claim
        self.measured = measured
        self.baseline = baseline
        self.further = further
        self.criterion = criterion
        let isVoid = guards.contains { !$0.isMet }
        verdict = isVoid ? .void : holds ? .pass : unconfirmed == nil ? .fail : .notConfirmed
        reason = verdict == .notConfirmed ? unconfirmed : nil
    }

    /// All figures in the order in which they are read.
    public var figures: [Figure] { [measured] + (baseline.map { [$0] } ?? []) + further }
}
