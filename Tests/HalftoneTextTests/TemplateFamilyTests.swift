import Foundation
import HalftoneFiles
import HalftoneText
import Testing

/// Whole templates over whole conversations, against Python Jinja.
@Suite struct TemplateFamilyTests {
    @Test func templatesInTheStyleOfEachFamilyRenderAsPythonDoes() throws {
        let expected = try #require(try TemplateFixtures.json("expected.json").object)
        let conversations = try #require(try TemplateFixtures.json("conversations.json").object)
        #expect(expected.count >= 10)
        for (name, outputs) in expected.members {
            let file = TemplateFixtures.folder.appending(path: name + ".jinja")
            let source = try #require(String(data: Data(contentsOf: file), encoding: .utf8))
            let mismatches = try Self.mismatches(source, conversations, outputs)
            #expect(mismatches.isEmpty, "\(name):\n\(mismatches.joined(separator: "\n"))")
        }
    }

    private static let realTemplates = ProcessInfo.processInfo.environment["HALFTONE_TEMPLATES"]
    private static let python = ProcessInfo.processInfo.environment["HALFTONE_PYTHON"]

    @Test(
        .enabled(
            if: realTemplates != nil && python != nil,
            "set HALFTONE_TEMPLATES to a folder of *.jinja and HALFTONE_PYTHON to a Python with jinja2"
        ))
    func realTemplatesRenderAsPythonDoes() throws {
        let folder = URL(filePath: try #require(Self.realTemplates))
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil
        ).filter { $0.pathExtension == "jinja" }.sorted { $0.path < $1.path }
        #expect(files.count >= 12)
        let conversations = try #require(try TemplateFixtures.json("conversations.json").object)
        var sources: JSONObject = [:]
        for file in files {
            let text = try #require(String(data: Data(contentsOf: file), encoding: .utf8))
            sources[file.deletingPathExtension().lastPathComponent] = .string(text)
        }
        let results = try Self.renderWithPython(sources, conversations)
        var rendered = 0
        for (name, outputs) in results.members {
            let source = try #require(sources[name]?.string)
            let mismatches = try Self.mismatches(source, conversations, outputs)
            #expect(mismatches.isEmpty, "\(name):\n\(mismatches.joined(separator: "\n"))")
            if outputs.object?.members.contains(where: { $0.value != .null }) == true {
                rendered += 1
            }
        }
        print("\(files.count) templates, \(rendered) of them render at least one conversation")
        #expect(rendered >= 12)
    }

    /// Conversations whose bytes differ from the stored ones, or where only one side raises.
    private static func mismatches(
        _ source: String, _ conversations: JSONObject, _ outputs: JSONValue
    ) throws -> [String] {
        var mismatches: [String] = []
        for (title, expected) in try #require(outputs.object).members {
            let variables = try #require(conversations[title]?.object)
            let (text, error) = TemplateFixtures.render(source, variables)
            if TemplateFixtures.agree(text, expected) { continue }
            mismatches.append(
                "  \(title)\n    ours: \(text?.debugDescription ?? error)\n"
                    + "    Python: \(expected.string?.debugDescription ?? "raises")")
        }
        return mismatches
    }

    private static func renderWithPython(
        _ sources: JSONObject, _ conversations: JSONObject
    ) throws -> JSONObject {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-templates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let request: JSONObject = [
            "templates": .object(sources), "conversations": .object(conversations),
        ]
        let input = folder.appending(path: "request.json")
        let output = folder.appending(path: "results.json")
        try Data(JSONValue.object(request).serialized().utf8).write(to: input)
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: try #require(python))
        process.arguments = [TemplateFixtures.script.path, "render"]
        process.standardInput = try FileHandle(forReadingFrom: input)
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try #require(try TemplateFixtures.json(contentsOf: output).object)
    }
}
