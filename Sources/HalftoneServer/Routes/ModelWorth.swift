import Foundation
import HalftoneFiles
import HalftoneModels

/// What is known of what a model's bits are worth: the note that a job with a budget leaves beside
/// the weights, `compression.json`.
struct ModelWorth: Sendable {
    private let damages: [String: Double]
    /// Sizes and divergences that were measured or predicted.
    let frontier: [JSONValue]

    /// The name of the note.
    static let fileName = "compression.json"

    /// A note that is missing or cannot be read tells nothing.
    init(_ model: LanguageModel) {
        var damages: [String: Double] = [:]
        var frontier: [JSONValue] = []
        if case .folder(let folder, _) = model.source,
            let data = try? Data(
                contentsOf: URL(filePath: folder.path).appending(path: Self.fileName)),
            case .object(let note) = try? JSONParser.parse(Array(data))
        {
            if case .object(let members) = note["damage"] {
                for (name, value) in members.members { damages[name] = value.double }
            }
            if case .array(let points) = note["frontier"] { frontier = points }
        }
        self.damages = damages
        self.frontier = frontier
    }

    /// The expected divergence that a matrix causes, in nats per token.
    func damage(_ role: Role) -> Double? { damages["\(role)"] }
}
