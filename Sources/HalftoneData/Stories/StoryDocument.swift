/// One text of our own language: a story, a lesson or a conversation.
public struct StoryDocument: Sendable, Equatable {
    /// What a document is about.
    public enum Kind: String, Sendable, CaseIterable {
        /// People move, take, give and leave things; the state has to be remembered.
        case world
        /// People gain and lose things that are counted.
        case counting
        /// People are put in order by age, height and the like.
        case comparison
        /// A tale with a problem, an attempt and an end.
        case tale
        /// Facts, words and sums that are the same in every document.
        case lesson
    }

    /// What the document is about.
    public let kind: Kind

    /// Whether the text is a conversation in the markup of ``StoryText/chatTemplate``.
    public let isChat: Bool

    /// The whole text, without special tokens but the marks of turns.
    public let text: String

    /// What the text asks and answers, in order.
    public let questions: [StoryQuestion]
}

/// A question that a document asks, for measuring how well a model answers.
public struct StoryQuestion: Sendable, Equatable {
    /// The document up to where the answer begins; a model continues it with the answer.
    public let prompt: String

    /// The question alone.
    public let question: String

    /// The true answer, a sentence that the document continues with.
    public let answer: String

    /// Sentences of the same form that are false, at least one, none equal to the answer.
    public let wrongAnswers: [String]
}

/// A story before it is framed as plain text or as a conversation.
struct Episode: Sendable {
    /// A question with its answers.
    struct Exchange: Sendable {
        var question: String
        var answer: String
        var wrong: [String]
    }

    var kind: StoryDocument.Kind
    /// What a reader would ask for to get this body; nil when it cannot be asked for.
    var request: String?
    var body: String
    var exchanges: [Exchange]
}
