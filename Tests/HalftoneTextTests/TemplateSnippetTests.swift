import Foundation
import HalftoneFiles
import HalftoneText
import Testing

/// Small templates against the stored outputs of Python Jinja.
@Suite struct TemplateSnippetTests {
    @Test func everySnippetRendersAsPythonDoes() throws {
        let document = try TemplateFixtures.json("snippets.json")
        let variables = try #require(document["variables"]?.object)
        let rows = try #require(document["snippets"]?.array)
        #expect(rows.count >= 200)
        for row in rows {
            let source = try #require(row["template"]?.string)
            let expected = try #require(row["output"])
            let (text, error) = TemplateFixtures.render(source, variables)
            #expect(
                TemplateFixtures.agree(text, expected),
                "\(source)\n  ours: \(text ?? error)\n  Python: \(expected.string ?? "raises")")
        }
    }
}
