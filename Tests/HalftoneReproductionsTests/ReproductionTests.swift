import Foundation
import HalftoneMethods
import HalftoneReproductions
import Testing

/// Every reproduction in its quick form, as it is and with something plain in the method's place.
@Suite(.serialized) struct ReproductionTests {
    private static let ids = ReproductionCatalogue.all.map(\.record.id)

    @Test(arguments: ids)
    func noClaimFails(id: String) throws {
        let reproduction = try #require(ReproductionCatalogue.reproduction(id))
        let result = try reproduction.reproduce(.quick, version: "test")
        for condition in result.guards {
            #expect(condition.isMet, "\(condition.condition): \(condition.measured.text)")
        }
        for claim in result.claims {
            let figures = claim.figures.map(\.line).joined(separator: "; ")
            #expect(!claim.verdict.isError, "\(claim.claim), \(claim.criterion): \(figures)")
        }
        #expect(result.claims.contains { $0.verdict == .pass }, "no claim holds")
    }

    @Test(arguments: ids)
    func theControlFails(id: String) throws {
        let reproduction = try #require(ReproductionCatalogue.reproduction(id))
        let result = try reproduction.reproduce(.quick, isControl: true, version: "test")
        #expect(result.isControl)
        let figures = result.claims.flatMap(\.figures).map(\.line).joined(separator: "; ")
        #expect(
            result.verdict == .fail,
            "with \(reproduction.control) it still says \(result.verdict): \(figures)")
    }
}
