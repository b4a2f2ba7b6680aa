import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// A folder that is removed with its contents when the value goes.
final class ConversionScratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "halftone-conversion-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    /// Copies one of `Tests/Fixtures/Models` and changes its documents.
    ///
    /// - Parameters:
    ///   - name: The fixture.
    ///   - changes: Members of `config.json`; null removes one.
    ///   - documents: Further files.
    /// - Returns: The path of the copy.
    func model(
        _ name: String, changes: JSONObject = [:], documents: [(String, JSONValue)] = []
    ) throws -> String {
        let source = conversionTestsFolder.appending(path: "Fixtures/Models/" + name)
        let folder = file(name)
        try FileManager.default.copyItem(atPath: source.path(), toPath: folder)
        let configuration = try Data(contentsOf: source.appending(path: "config.json"))
        var object = try JSONParser.parse(Array(configuration)).object ?? [:]
        for (key, value) in changes.members { object[key] = value == .null ? nil : value }
        for (document, value) in [("config.json", JSONValue.object(object))] + documents {
            try Data(value.serialized().utf8).write(to: URL(filePath: folder + "/" + document))
        }
        return folder
    }
}

/// The folder `Tests`.
let conversionTestsFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()

/// The logits after some tokens.
func logits(of model: LanguageModel, after tokens: [Int32]) throws -> [Float] {
    let decoder = Decoder(model.weights, pool: WorkerPool(threads: 1))
    let state = decoder.makeState()
    return try decoder.logits(after: tokens, state: state)
}

/// The greatest difference of two lists of equal length, infinite for other lengths and NaN.
func worstDifference(_ first: [Float], _ second: [Float]) -> Float {
    guard first.count == second.count else { return .infinity }
    return zip(first, second).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference <= worst ? worst : difference.isNaN ? .infinity : difference
    }
}

/// A model of `Tests/Fixtures/Models`.
func modelFixture(_ name: String) throws -> LanguageModel {
    try LanguageModel(
        path: conversionTestsFolder.appending(path: "Fixtures/Models/" + name)
            .path(percentEncoded: false))
}
