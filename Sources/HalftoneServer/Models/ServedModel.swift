import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Synchronization

/// A model with the engine that answers with it.
public final class ServedModel: Sendable {
    /// How models are opened.
    public struct Settings: Sendable {
        /// The threads of all models.
        public var pool: WorkerPool
        /// How vectors meet packed weights.
        public var activations = Activations.int8
        /// How keys and values are kept.
        public var cache = KeyValuePolicy.float32
        /// What each engine takes on.
        public var limits = ServingEngine.Limits()
        /// A chat template in place of the models' own.
        public var chatTemplate: String?

        /// The defaults, on the threads of a pool.
        public init(pool: WorkerPool) { self.pool = pool }
    }

    /// The name of the file or folder.
    public let name: String
    /// What the files hold.
    public let model: LanguageModel
    /// The vocabulary.
    public let tokenizer: Tokenizer
    /// The chat template, or nil for a model that was not made to chat.
    public let conversation: Conversation?
    /// What answers.
    public let engine: ServingEngine

    private let known = Mutex(Known())

    /// What is found out when it is first asked for.
    private struct Known {
        var vocabulary: TokenVocabulary?
        var constraints: [(key: String, constraint: TokenConstraint)] = []
    }

    /// Constraints that are kept, the latest ones.
    private static let mostConstraints = 16

    /// Opens a model and starts its engine.
    ///
    /// - Parameters:
    ///   - path: Of a folder or a GGUF file.
    ///   - name: What to call it.
    ///   - settings: How it is opened.
    /// - Throws: What is wrong with the files, or `ConversationError` without a tokenizer.
    public init(path: String, name: String, settings: Settings) throws {
        var model = try LanguageModel(path: path)
        guard let tokenizer = model.tokenizer else { throw ConversationError.noTokenizer(name) }
        if settings.activations == .int8 { model.weights.layOutPanels(on: settings.pool) }
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        conversation =
            model.chatTemplate == nil && settings.chatTemplate == nil
            ? nil : try Conversation(model, name: name, template: settings.chatTemplate)
        var limits = settings.limits
        limits.contextLength = min(
            limits.contextLength, model.spec.learnedPositions ?? model.spec.contextLength)
        engine = ServingEngine(
            Decoder(
                model.weights, pool: settings.pool, activations: settings.activations,
                cache: settings.cache),
            pool: settings.pool, limits: limits)
    }

    /// The chat template.
    func chat() throws(APIError) -> Conversation {
        guard let conversation else {
            throw .invalid(
                "\(name) has no chat template: use /v1/completions, or start the server with "
                    + "--chat-template", "model")
        }
        return conversation
    }

    /// The constraint of a format; made once for equal ones.
    ///
    /// - Parameters:
    ///   - key: What makes formats equal.
    ///   - make: Makes the constraint.
    func constraint(
        _ key: String, _ make: (TokenVocabulary) throws(SchemaError) -> TokenConstraint
    ) throws -> TokenConstraint {
        let known = self.known.withLock { known in
            known.constraints.first { $0.key == key }?.constraint
        }
        if let known { return known }
        let constraint = try make(vocabulary())
        self.known.withLock { known in
            known.constraints.append((key, constraint))
            if known.constraints.count > Self.mostConstraints { known.constraints.removeFirst() }
        }
        return constraint
    }

    private func vocabulary() throws(APIError) -> TokenVocabulary {
        let found = known.withLock { known in
            if known.vocabulary == nil {
                known.vocabulary = TokenVocabulary(
                    tokenizer, size: model.spec.vocabularySize)
            }
            return known.vocabulary
        }
        guard let found else {
            throw .invalid(
                "the tokens of \(name) change with those beside them, so that its answers cannot "
                    + "be held to a format", "response_format")
        }
        return found
    }
}
