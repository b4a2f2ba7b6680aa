/// How a text is cut into windows and which predictions count.
///
/// The default is the convention of llama.cpp's `perplexity`: windows of 512 tokens that do not
/// overlap, a shorter rest dropped, the first token replaced by BOS where the model adds one, and
/// the second half of each window scored.
public struct EvaluationWindows: Sendable, Equatable {
    /// Which predictions of a window count.
    public enum Scoring: String, Sendable, Equatable, Codable {
        /// Those made from the middle on.
        case secondHalf
        /// All but the first token.
        case all
    }

    /// Tokens of a window.
    public var length = 512
    /// Windows to score; nil means all.
    public var limit: Int?
    /// Which predictions count.
    public var scoring = Scoring.secondHalf
    /// The token that replaces the first of each window.
    public var firstToken: Int32?

    /// The default convention.
    public init() {}

    /// The windows of a text.
    ///
    /// - Throws: ``EvaluationError`` when there is not one whole window.
    func windows(of tokens: [Int32]) throws(EvaluationError) -> [[Int32]] {
        guard length >= 4 else { throw .windowTooShort(length) }
        let available = tokens.count / length
        guard available > 0 else {
            throw .textTooShort(tokens: tokens.count, window: length)
        }
        return (0..<min(limit ?? available, available)).map { index in
            var window = Array(tokens[index * length..<(index + 1) * length])
            if let firstToken { window[0] = firstToken }
            return window
        }
    }

    /// Positions whose next token is predicted and scored.
    var scored: Range<Int> { (scoring == .all ? 0 : length / 2)..<length - 1 }
}

/// Why a text cannot be evaluated.
public enum EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text has fewer tokens than one window.
    case textTooShort(tokens: Int, window: Int)
    /// A window needs at least four tokens.
    case windowTooShort(Int)
    /// The models do not share a vocabulary.
    case vocabulariesDiffer(Int, Int)
    /// The model cannot read the tokens.
    case unreadable(String)
    /// A file of logits does not hold what it should.
    case badLogits(path: String, reason: String)
    /// A file of questions does not hold what it should; line 0 is the whole file.
    case badQuestions(path: String, line: Int, reason: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .textTooShort(let tokens, let window):
            "the text has \(tokens) tokens and one window needs \(window); give a longer text or a shorter window"
        case .windowTooShort(let length):
            "a window of \(length) tokens is too short; 4 is the least"
        case .vocabulariesDiffer(let first, let second):
            "the models cannot be compared: their vocabularies have \(first) and \(second) tokens"
        case .unreadable(let reason): reason
        case .badQuestions(let path, let line, let reason):
            line == 0 ? "\(path): \(reason)" : "\(path), line \(line): \(reason)"
        case .badLogits(let path, let reason):
            "\(path): \(reason); wanted are input_ids I64 [tokens] and logits F32 [tokens, vocabulary]"
        }
    }
}
