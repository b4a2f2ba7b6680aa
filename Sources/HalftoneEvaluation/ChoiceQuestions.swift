import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneText

/// A question with answers to choose from.
public struct ChoiceQuestion: Sendable, Equatable {
    /// What an answer's likelihood is computed of.
    public struct Option: Sendable, Equatable {
        /// What comes before.
        public var context: String
        /// What is scored, with the blank that it begins with.
        public var continuation: String

        /// States an option.
        public init(context: String, continuation: String) {
            self.context = context
            self.continuation = continuation
        }
    }

    /// The answers.
    public var options: [Option]

    /// The number of the right one.
    public var label: Int

    /// States a question.
    public init(options: [Option], label: Int) {
        precondition(options.indices.contains(label), "the right answer is one of them")
        self.options = options
        self.label = label
    }

    /// Reads questions from JSON lines: `{"ctx", "choices", "label"}`, one context for all
    /// choices, or `{"ctxs", "continuation", "label"}`, one continuation for all contexts.
    ///
    /// - Throws: ``EvaluationError/badQuestions(path:line:reason:)`` for the first line that is
    ///   neither.
    public static func load(
        _ path: String, limit: Int? = nil
    ) throws(EvaluationError) -> [ChoiceQuestion] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .badQuestions(path: path, line: 0, reason: "the file cannot be read")
        }
        var questions: [ChoiceQuestion] = []
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            if let limit, questions.count == limit { break }
            if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) { continue }
            guard let value = try? JSONParser.parse(Array(line)), let question = Self(value) else {
                throw .badQuestions(
                    path: path, line: index + 1,
                    reason: "it is no question with ctx and choices, or ctxs and continuation, "
                        + "and a label")
            }
            questions.append(question)
        }
        guard !questions.isEmpty else {
            throw .badQuestions(path: path, line: 0, reason: "there are no questions")
        }
        return questions
    }

    private init?(_ value: JSONValue) {
        guard let label = value["label"]?.integer else { return nil }
        if let context = value["ctx"]?.string, let choices = value["choices"]?.array {
            options = choices.compactMap(\.string).map {
                Option(context: context, continuation: $0)
            }
            guard options.count == choices.count else { return nil }
        } else if let continuation = value["continuation"]?.string,
            let contexts = value["ctxs"]?.array
        {
            options = contexts.compactMap(\.string).map {
                Option(context: $0, continuation: continuation)
            }
            guard options.count == contexts.count else { return nil }
        } else {
            return nil
        }
        guard options.count > 1, options.indices.contains(label),
            options.allSatisfy({ !$0.continuation.isEmpty })
        else { return nil }
        self.label = label
    }
}

/// The share of questions that a model answers rightly.
public struct ChoiceResult: Sendable, Equatable, Codable {
    /// By the likelihood of each answer: `acc` of lm-evaluation-harness.
    public let accuracy: MeanEstimate
    /// By the likelihood per character of each answer, the blank before it left out: its
    /// `acc_norm`.
    public let normalizedAccuracy: MeanEstimate
}

extension Evaluator {
    /// Asks a model questions, by the conventions of lm-evaluation-harness.
    ///
    /// Context and continuation are tokenized as one text, blanks at the end of the context counted
    /// as part of the continuation, whose tokens are those behind as many as the context alone has.
    /// The token that begins texts comes first where the tokenizer has one.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - tokenizer: Its vocabulary.
    ///   - questions: At least one.
    ///   - progress: Called after each question with the number of those asked.
    /// - Throws: ``EvaluationError/unreadable(_:)`` for what the model cannot read.
    public func answers(
        of model: Decoder, tokenizer: Tokenizer, questions: [ChoiceQuestion],
        progress: (Int) -> Void = { _ in }
    ) throws(EvaluationError) -> ChoiceResult {
        precondition(!questions.isEmpty, "a question is asked")
        var right: [Double] = []
        var rightByLength: [Double] = []
        for question in questions {
            let scores = try scores(model, tokenizer, question)
            let lengths = question.options.map { option in
                let answer = option.continuation.drop(while: \.isWhitespace)
                return Double(max(answer.unicodeScalars.count, 1))
            }
            right.append(Self.best(scores) == question.label ? 1 : 0)
            let perCharacter = zip(scores, lengths).map { $0 / $1 }
            rightByLength.append(Self.best(perCharacter) == question.label ? 1 : 0)
            progress(right.count)
        }
        return ChoiceResult(
            accuracy: MeanEstimate(right), normalizedAccuracy: MeanEstimate(rightByLength))
    }

    private static func best(_ scores: [Double]) -> Int {
        scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? 0
    }

    /// The logarithm of the likelihood of each answer.
    private func scores(
        _ model: Decoder, _ tokenizer: Tokenizer, _ question: ChoiceQuestion
    ) throws(EvaluationError) -> [Double] {
        let state = model.makeState()
        var known: [Int32] = []
        var scores: [Double] = []
        for option in question.options {
            let (tokens, first) = Self.tokens(of: option, tokenizer)
            guard first < tokens.count else {
                scores.append(0)
                continue
            }
            // The last token before the answer is read anew: its logits are wanted.
            let shared = zip(known, tokens).prefix { $0 == $1 }.count
            let start = min(shared, first - 1)
            state.truncate(to: start)
            let read = Array(tokens[start..<tokens.count - 1])
            var hidden: [Float] = []
            do {
                try model.read(read, state: state) { chunk, count in
                    hidden += chunk[..<(count * model.spec.width)]
                }
            } catch {
                throw .unreadable(error.description)
            }
            known = Array(tokens.dropLast())
            let targets = Array(tokens[first...])
            let skipped = first - 1 - start
            let losses = LogitMetrics.losses(
                logits(model, hidden, skipped..<skipped + targets.count),
                vocabularySize: model.spec.vocabularySize, targets: targets, pool: pool)
            scores.append(-losses.reduce(0, +))
        }
        return scores
    }

    /// The tokens of an option, and the number of the first one that is scored, at least 1.
    private static func tokens(
        of option: ChoiceQuestion.Option, _ tokenizer: Tokenizer
    ) -> (tokens: [Int32], first: Int) {
        let blanks = option.context.reversed().prefix(while: \.isWhitespace).count
        let context = tokenizer.encode(
            String(option.context.dropLast(blanks)), addSpecialTokens: false)
        let whole = tokenizer.encode(
            option.context + option.continuation, addSpecialTokens: false)
        let opening = tokenizer.encode("", addSpecialTokens: true).first
        let tokens = (opening.map { [$0] } ?? []) + whole
        // Something is scored even where the answer's beginning and the context's end are one token;
        // what has nothing before it, and no opening token, is scored from its second token on.
        let first = context.count + (opening == nil ? 0 : 1)
        return (tokens, max(1, min(first, tokens.count - 1)))
    }
}
