import Foundation
import HalftoneFiles
import HalftoneMethods
import HalftoneRuns

/// What a run of a reproduction found, as it is stored.
///
/// Everything but the date and the duration is the same on every machine with the same number of
/// threads, up to the rounding of its linear algebra.
public struct ReproductionResult: Sendable, Equatable, Codable {
    /// The method's id.
    public let id: String

    /// How much was measured.
    public let mode: ReproductionMode

    /// Whether something plain took the method's place.
    public let isControl: Bool

    /// When the run ended, to the second.
    public let date: Date

    /// How long it took, in seconds.
    public let seconds: Double

    /// The version of Halftone.
    public let version: String

    /// The settings by name, each as JSON.
    public let settings: [String: String]

    /// The conditions that the claims rest on.
    public let guards: [Guard]

    /// A result per claim of the record.
    public let claims: [ClaimResult]

    /// The worst verdict of all claims.
    public var verdict: Verdict { Verdict.worst(of: claims.map(\.verdict)) }
}

extension Reproduction {
    /// The settings of a mode.
    public func settings(_ mode: ReproductionMode) -> Settings {
        switch mode {
        case .quick: quick
        case .full: full
        }
    }

    /// Runs the reproduction and checks that it measured every claim.
    ///
    /// - Parameters:
    ///   - mode: How much is measured.
    ///   - isControl: Whether something plain takes the method's place.
    ///   - version: The version of Halftone, for the result.
    ///   - output: Where progress goes.
    ///   - models: Finds models by name.
    /// - Throws: What the measurement throws, and ``ReproductionError``.
    public func reproduce(
        _ mode: ReproductionMode, isControl: Bool = false, version: String,
        output: RunProgress.Output = .silent,
        models: @escaping ReproductionContext.ModelLocator = ReproductionContext.shippedModel
    ) throws -> ReproductionResult {
        let title = isControl ? "\(record.id), control" : record.id
        let context = ReproductionContext(
            title: title, isControl: isControl, output: output, models: models)
        let settings = settings(mode)
        let start = ContinuousClock.now
        let findings = try run(settings, context)
        context.finish()
        try check(findings)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return ReproductionResult(
            id: record.id, mode: mode, isControl: isControl,
            date: Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded()),
            seconds: (seconds * 10).rounded() / 10, version: version,
            settings: try Self.described(settings), guards: findings.guards,
            claims: findings.claims)
    }

    private func check(_ findings: Findings) throws(ReproductionError) {
        let (found, expected) = (findings.claims.map(\.claim), record.claims.map(\.id))
        guard found == expected else {
            throw .wrongClaims(id: record.id, found: found, expected: expected)
        }
        for claim in findings.claims {
            for figure in claim.figures where !figure.values.allSatisfy(\.isFinite) {
                throw .notFinite(id: record.id, claim: claim.claim, figure: figure.label)
            }
        }
        for condition in findings.guards where !condition.measured.values.allSatisfy(\.isFinite) {
            throw .notFinite(id: record.id, claim: "a guard", figure: condition.condition)
        }
    }

    private static func described(_ settings: Settings) throws -> [String: String] {
        let document = try JSONParser.parse([UInt8](JSONEncoder().encode(settings)))
        let members = document.object?.members ?? []
        return Dictionary(
            members.map { ($0.name, $0.value.serialized()) }, uniquingKeysWith: { $1 })
    }
}
