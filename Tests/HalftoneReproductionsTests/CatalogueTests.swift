import Foundation
import HalftoneMethods
import HalftoneReproductions
import Testing

/// Walks the catalogue and the folders beside it: records, files, tests, pages, reproductions,
/// results and, where they are, the cards that methods are built from.
@Suite struct CatalogueTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Methods whose reproduction is still to be written; each entry is a debt.
    private static let pending: Set<String> = []

    private func names(_ folder: String, _ suffix: String) throws -> [String] {
        let url = Self.root.appending(path: folder)
        return try FileManager.default.subpathsOfDirectory(atPath: url.path)
            .filter { $0.hasSuffix(suffix) }.sorted()
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// The file of each record by the record's id, as the folders of the families hold them.
    private func files() throws -> [String: String] {
        var files: [String: String] = [:]
        for family in MethodFamily.allCases {
            let folder = "Sources/HalftoneMethods/\(family.folder)"
            for name in try names(folder, ".swift") {
                let path = folder + "/" + name
                let text = try text(path)
                guard let start = text.range(of: "MethodRecord(") else { continue }
                let rest = text[start.upperBound...]
                let match = rest.firstMatch(of: /id: "([^"]+)"/)
                let id = String(try #require(match, "\(path): a record without an id").1)
                #expect(files[id] == nil, "\(id) is in \(files[id] ?? "") and in \(path)")
                files[id] = path
            }
        }
        return files
    }

    @Test func idsAreUsedOnceAndSpelledAlike() {
        let ids = MethodCatalogue.all.map(\.id)
        #expect(Set(ids).count == ids.count, "an id is used twice: \(ids)")
        for record in MethodCatalogue.all {
            let claims = record.claims.map(\.id)
            for id in [record.id] + claims {
                #expect(id.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil, "\(id) is no id")
            }
            #expect(!claims.isEmpty, "\(record.id) claims nothing")
            #expect(Set(claims).count == claims.count, "\(record.id): a claim's id is used twice")
            #expect(record.paper.arXiv.wholeMatch(of: /\d{4}\.\d{5}/) != nil, "\(record.id)")
            #expect(record.family.records.contains(record), "\(record.id): another family")
        }
    }

    @Test func everyMethodHasItsFileTestAndPage() throws {
        let files = try files()
        let tests = try Set(names("Tests", ".swift").map { URL(filePath: $0).lastPathComponent })
        let pages = try names("Sources/HalftoneMethods/HalftoneMethods.docc", ".md")
        let landing = try text("Sources/HalftoneMethods/HalftoneMethods.docc/HalftoneMethods.md")
        let listed = Set(MethodCatalogue.all.map(\.id))
        for id in files.keys where !listed.contains(id) {
            Issue.record("\(files[id] ?? "") has a record that no family lists")
        }
        for record in MethodCatalogue.all {
            let file = try #require(files[record.id], "\(record.id): no file has the record")
            let folder = "Sources/HalftoneMethods/\(record.family.folder)/"
            #expect(file.hasPrefix(folder), "\(record.id) is in \(file)")
            let source = try text(file)
            #expect(source.contains("arXiv:\(record.paper.arXiv)"), "\(file) names no source")
            let type = URL(filePath: file).deletingPathExtension().lastPathComponent
            #expect(tests.contains("\(type)Tests.swift"), "\(record.id): no \(type)Tests.swift")
            #expect(pages.contains("\(record.id).md"), "\(record.id) has no page")
            #expect(landing.contains("<doc:\(record.id)>"), "\(record.id): no link to its page")
        }
    }

    @Test func everyMethodHasItsReproduction() throws {
        let reproductions = ReproductionCatalogue.all
        let ids = reproductions.map(\.record.id)
        #expect(Set(ids).count == ids.count, "two reproductions of one method: \(ids)")
        let files = try names("Sources/HalftoneReproductions", "Reproduction.swift")
        for reproduction in reproductions {
            let record = reproduction.record
            #expect(MethodCatalogue.record(record.id) == record, "\(record.id) is no record")
            let type = String(describing: Swift.type(of: reproduction as Any))
            #expect(
                files.contains("\(record.family.folder)/\(type).swift"),
                "\(type) is not in \(record.family.folder)/\(type).swift")
            #expect(!reproduction.control.isEmpty && !reproduction.leftOut.isEmpty, "\(type)")
        }
        let missing = Set(MethodCatalogue.all.map(\.id)).subtracting(ids)
        #expect(missing == Self.pending, "without a reproduction: \(missing.sorted())")
    }

    @Test func storedResultsBelongToTheCatalogue() throws {
        let folder = "Sources/HalftoneReproductions/Results"
        let store = ResultStore(folder: Self.root.appending(path: folder))
        var files: Set<String> = []
        for reproduction in ReproductionCatalogue.all {
            let record = reproduction.record
            let result = try store.result(record.id, .full)
            let found = try #require(result, "\(record.id): no full result in \(folder)")
            #expect(found.claims.map(\.claim) == record.claims.map(\.id), "\(record.id)")
            #expect(!found.verdict.isError, "\(record.id): \(found.verdict)")
            for mode in ReproductionMode.allCases {
                files.insert(store.file(record.id, mode).lastPathComponent)
            }
        }
        for name in try names(folder, ".json") {
            #expect(files.contains(name), "\(name) is a result of nothing")
        }
        let page = try text("Sources/HalftoneMethods/HalftoneMethods.docc/catalogue.md")
        let table = try CatalogueTable(store).markdown
        #expect(
            page == table,
            "catalogue.md is stale; halftone methods --results \(folder) --write-table makes it")
    }

    private static let cards = root.appending(path: "../shared/methods")
    private static let hasCards = FileManager.default.fileExists(atPath: cards.path)

    @Test(.enabled(if: hasCards, "there is no folder ../shared/methods with cards"))
    func everyMethodIsThatOfItsCard() throws {
        for record in MethodCatalogue.all {
            let card = Self.cards.appending(path: "\(record.id).md")
            let text = try? String(contentsOf: card, encoding: .utf8)
            let found = try #require(text, "\(record.id) has no card")
            #expect(
                found.contains("arXiv:\(record.paper.arXiv)"),
                "\(record.id): its card is of another paper")
        }
    }
}
