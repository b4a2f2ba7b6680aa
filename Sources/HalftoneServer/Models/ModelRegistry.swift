import HalftoneServing
import HTTPTypes
import Synchronization

/// The models that a server has, by the names that requests use.
///
/// A name can stand for several files, one of which is active: the same model in several sizes, say.
/// Switching takes effect for the next request; answers that run end with the file that they began
/// with.
public final class ModelRegistry: Sendable {
    /// A name and the files that it can stand for.
    public struct Entry: Sendable, Equatable {
        /// What requests call it.
        public var name: String
        /// The files, the first of which is active in the beginning.
        public var variants: [Variant]

        /// States an entry.
        public init(name: String, variants: [Variant]) {
            self.name = name
            self.variants = variants
        }
    }

    /// A file or folder.
    public struct Variant: Sendable, Equatable {
        /// What it is called.
        public var name: String
        /// Where it is.
        public var path: String

        /// States a file.
        public init(name: String, path: String) {
            self.name = name
            self.path = path
        }
    }

    /// What there is, in the order of the command.
    public let entries: [Entry]

    private let settings: ServedModel.Settings
    private let active: Mutex<[String: ServedModel]>

    /// Opens the first file of each entry.
    ///
    /// - Parameters:
    ///   - entries: At least one; names are different.
    ///   - settings: How models are opened.
    public init(_ entries: [Entry], settings: ServedModel.Settings) throws {
        precondition(!entries.isEmpty, "a server has a model")
        self.entries = entries
        self.settings = settings
        var models: [String: ServedModel] = [:]
        for entry in entries {
            let variant = entry.variants[0]
            models[entry.name] = try ServedModel(
                path: variant.path, name: variant.name, settings: settings)
        }
        active = Mutex(models)
    }

    /// The models that answer now, with their entries.
    var models: [(entry: Entry, model: ServedModel)] {
        let active = active.withLock { $0 }
        return entries.compactMap { entry in active[entry.name].map { (entry, $0) } }
    }

    /// The model of a name; the first one where a request names none.
    func model(named name: String) throws(APIError) -> ServedModel {
        let name = name.isEmpty ? entries[0].name : name
        guard let model = active.withLock({ $0[name] }) else {
            throw APIError(
                status: .notFound,
                message: "there is no model \(name); there are "
                    + entries.map(\.name).joined(separator: ", "),
                parameter: "model", code: "model_not_found")
        }
        return model
    }

    /// What a name can stand for.
    func entry(named name: String) throws(APIError) -> Entry {
        _ = try model(named: name)
        return entries.first { $0.name == name } ?? entries[0]
    }

    /// Opens a file and answers with it from now on; the engine of before goes when its answers have
    /// ended.
    ///
    /// - Throws: ``APIError`` for a name or file that there is not, and what is wrong with the file.
    func activate(_ variant: String, of name: String) throws {
        let entry = try entry(named: name)
        guard let variant = entry.variants.first(where: { $0.name == variant }) else {
            throw APIError.invalid(
                "\(entry.name) has no variant \(variant); it has "
                    + entry.variants.map(\.name).joined(separator: ", "), "variant")
        }
        let isActive = active.withLock { $0[entry.name]?.name == variant.name }
        if isActive { return }
        let model = try ServedModel(
            path: variant.path, name: variant.name, settings: settings)
        let old = active.withLock { $0.updateValue(model, forKey: entry.name) }
        if let old {
            // The engine lives until the last of its answers has ended.
            Task { await old.engine.drain(within: .seconds(3600)) }
        }
    }

    /// Ends all engines when their answers have ended, or after some seconds.
    func drain(within seconds: Int) async {
        await withDiscardingTaskGroup { group in
            for (_, model) in models {
                group.addTask { await model.engine.drain(within: .seconds(seconds)) }
            }
        }
    }
}
