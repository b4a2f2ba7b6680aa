import Foundation
import HalftoneMethods
import HalftoneReproductions
import Testing

/// Running, checking and storing, with a reproduction that measures nothing.
@Suite struct ResultStoreTests {
    /// A reproduction of a method that does not exist.
    private struct Stub: Reproduction {
        struct Settings: Codable { var seeds = [1, 2, 3]; var rate = 0.5 }

        var record = MethodRecord(
            id: "stub", title: "Stub", paper: Paper(title: "T", arXiv: "0000.00000", year: 2000),
            family: .merging, stage: .analysis, claims: [MethodClaim(id: "one", "x is large")])
        let quick = Settings()
        let full = Settings(seeds: [4, 5, 6], rate: 0.25)
        let control = "nothing"
        let leftOut = "All of it."
        var claims = ["one"]
        var value = 3.0

        func run(_ settings: Settings, _ context: ReproductionContext) -> Findings {
            context.expect(settings.seeds.count, "seeds")
            let figure = Figure(
                "x", settings.seeds.map { context.isControl ? 0 : value * Double($0) }, unit: "m")
            for _ in settings.seeds { context.advance() }
            let fits = Guard("it fits", measured: figure, isMet: true)
            return Findings(
                guards: [fits],
                claims: claims.map {
                    ClaimResult(
                        $0, measured: figure, criterion: "x > 1", holds: figure.mean > 1,
                        guards: [fits])
                })
        }
    }

    private func temporary() -> ResultStore {
        ResultStore(
            folder: FileManager.default.temporaryDirectory
                .appending(path: "halftone-results-\(UUID().uuidString)/deeper"))
    }

    @Test func aResultIsReadAsItWasStored() throws {
        let store = temporary()
        defer { try? FileManager.default.removeItem(at: store.folder) }
        let result = try Stub().reproduce(.full, version: "1.2.3")
        #expect(result.verdict == .pass && !result.isControl && result.version == "1.2.3")
        #expect(result.settings == ["seeds": "[4,5,6]", "rate": "0.25"])
        try store.store(result)
        #expect(try store.result("stub", .full) == result)
        #expect(try store.result("stub", .quick) == nil)
        #expect(try store.result("other", .full) == nil)
        // A second run replaces the first and leaves nothing else behind.
        try store.store(result)
        let names = try FileManager.default.contentsOfDirectory(atPath: store.folder.path)
        #expect(names == ["stub.full.json"])
    }

    @Test func figuresDoNotDependOnTheRun() throws {
        let first = try Stub().reproduce(.quick, version: "1")
        let second = try Stub().reproduce(.quick, version: "1")
        #expect(first.claims == second.claims && first.guards == second.guards)
    }

    @Test func theLatestIsAFullOneThenTheLaterDate() throws {
        let (mine, theirs) = (temporary(), temporary())
        defer {
            for store in [mine, theirs] { try? FileManager.default.removeItem(at: store.folder) }
        }
        #expect(try [mine, theirs].latest("stub") == nil)
        try mine.store(Stub().reproduce(.quick, version: "1"))
        #expect(try [mine, theirs].latest("stub")?.mode == .quick)
        try theirs.store(Stub().reproduce(.full, version: "old"))
        #expect(try [mine, theirs].latest("stub")?.version == "old")
        let text = try String(contentsOf: theirs.file("stub", .full), encoding: .utf8)
        let year = String(text.firstMatch(of: /"date" : "(\d{4})/)?.1 ?? "")
        let later = text.replacing("\"date\" : \"\(year)", with: "\"date\" : \"3000")
            .replacing("\"old\"", with: "\"new\"")
        try Data(later.utf8).write(to: mine.folder.appending(path: "stub.full.json"))
        #expect(try [mine, theirs].latest("stub")?.version == "new")
        #expect(try [theirs, mine].latest("stub")?.version == "new")
        #expect(try [mine, theirs].latest("stub", modes: [.quick])?.mode == .quick)
    }

    @Test func damagedFilesAreNamed() throws {
        let store = temporary()
        defer { try? FileManager.default.removeItem(at: store.folder) }
        try store.store(Stub().reproduce(.full, version: "1"))
        let whole = try Data(contentsOf: store.file("stub", .full))
        try whole.dropLast(9).write(to: store.file("stub", .full))
        #expect(throws: ResultError.self) { try store.result("stub", .full) }
        // The file of another mode under this name.
        try whole.write(to: store.file("stub", .quick))
        #expect(throws: ResultError.self) { try store.result("stub", .quick) }
    }

    @Test func whatMeasuresOtherClaimsIsRefused() {
        var stub = Stub()
        stub.claims = ["one", "two"]
        #expect(
            throws: ReproductionError.wrongClaims(
                id: "stub", found: ["one", "two"], expected: ["one"])
        ) { try stub.reproduce(.quick, version: "1") }
        stub.claims = ["one"]
        stub.value = .nan
        #expect(throws: ReproductionError.notFinite(id: "stub", claim: "one", figure: "x")) {
            try stub.reproduce(.quick, version: "1")
        }
    }

    @Test func aControlTakesTheMethodAway() throws {
        let result = try Stub().reproduce(.quick, isControl: true, version: "1")
        #expect(result.isControl && result.verdict == .fail)
    }
}
