import HalftoneMethods

/// The claims of a published method, measured again with data and models of laptop size.
///
/// A reproduction compares with an honest baseline in the same run, over several seeds that are
/// part of its settings, and can fail: its control run, where something plain takes the method's
/// place, has to.
public protocol Reproduction: Sendable {
    /// How much is measured: sizes, steps, seeds.
    associatedtype Settings: Sendable & Encodable

    /// The method's catalogue entry. Results are wanted for each of its claims, in its order.
    var record: MethodRecord { get }

    /// Settings that take under a minute on two cores.
    var quick: Settings { get }

    /// Settings that take under ten minutes on two cores.
    var full: Settings { get }

    /// What takes the method's place in a control run: `plain averaging`.
    var control: String { get }

    /// What is smaller than in the paper, and what was left out, in a sentence or two.
    var leftOut: String { get }

    /// Measures every claim.
    ///
    /// - Parameters:
    ///   - settings: How much is measured.
    ///   - context: Says whether this is a control run, and is told about progress.
    /// - Returns: The guards, and a result for each claim of ``record`` in its order.
    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings
}

/// What a reproduction found.
public struct Findings: Sendable, Equatable {
    /// The conditions that the results rest on, met or not.
    public let guards: [Guard]

    /// A result per claim.
    public let claims: [ClaimResult]

    /// Collects what was found.
    public init(guards: [Guard] = [], claims: [ClaimResult]) {
        self.guards = guards
        self.claims = claims
    }
}

/// How much a reproduction measures.
public enum ReproductionMode: String, Sendable, Hashable, CaseIterable, Codable {
    /// Under a minute.
    case quick
    /// Under ten minutes.
    case full
}

/// Why a reproduction gave no result.
public enum ReproductionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The results are not those of the record's claims.
    case wrongClaims(id: String, found: [String], expected: [String])
    /// A figure holds a number that is not finite.
    case notFinite(id: String, claim: String, figure: String)
    /// A model that does not come with Halftone.
    case noModel(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .wrongClaims(let id, let found, let expected):
            "\(id): results for \(found), but the record claims \(expected)"
        case .notFinite(let id, let claim, let figure):
            "\(id): \(figure) of \(claim) is not finite"
        case .noModel(let name):
            "\(name) does not come with Halftone; say where it is by `models:`, or reproduce in quick "
                + "mode, which needs it not"
        }
    }
}
