import Foundation
import HalftoneData
import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneText
import Testing

/// Questions with choices.
@Suite struct ChoiceQuestionTests {
    private func file(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "halftone-questions-\(UUID().uuidString).jsonl"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func bothKindsOfLinesAreRead() throws {
        let path = try file(
            """
            {"ctx": "A goose has", "choices": [" two legs.", " nine legs."], "label": 0}
            {"ctxs": ["Ann left so Ann", "Ann left so Bob"], "continuation": " was gone.", "label": 0}

            """)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let questions = try ChoiceQuestion.load(path)
        #expect(
            questions == [
                ChoiceQuestion(
                    options: [
                        .init(context: "A goose has", continuation: " two legs."),
                        .init(context: "A goose has", continuation: " nine legs."),
                    ], label: 0),
                ChoiceQuestion(
                    options: [
                        .init(context: "Ann left so Ann", continuation: " was gone."),
                        .init(context: "Ann left so Bob", continuation: " was gone."),
                    ], label: 0),
            ])
        #expect(try ChoiceQuestion.load(path, limit: 1).count == 1)
    }

    @Test(arguments: [
        "", "{", "[]", #"{"ctx": "a", "choices": [" b"], "label": 0}"#,
        #"{"ctx": "a", "choices": [" b", " c"], "label": 2}"#,
        #"{"ctx": "a", "choices": [" b", 3], "label": 0}"#,
        #"{"ctx": "a", "choices": [" b", ""], "label": 0}"#,
        #"{"ctx": "a", "choices": [" b", " c"], "label": -1}"#, #"{"ctxs": ["a"], "label": 0}"#,
    ])
    func otherLinesAreRefused(line: String) throws {
        let path = try file(line)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: EvaluationError.self) { try ChoiceQuestion.load(path) }
    }

    /// The scores are those of whole texts read one by one, whatever options have in common.
    @Test func scoresAreThoseOfWholeTexts() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let tokenizer = try #require(model.tokenizer)
        let pool = WorkerPool(threads: 2)
        let decoder = Decoder(model.weights, pool: pool)
        let evaluator = Evaluator(windows: EvaluationWindows(), pool: pool)
        let contexts = ["The goose has ", "Tom took the ball and", ""]
        let continuations = ["two legs.", " went home.", " went home to sleep.", " a dog"]
        #expect(tokenizer.encode("", addSpecialTokens: true).isEmpty)
        func likelihood(_ context: String, _ continuation: String) throws -> Double {
            // A blank at the end of the context belongs to the continuation; the model puts no token
            // before texts, so that the first token of a text is not scored.
            let shown = context.hasSuffix(" ") ? String(context.dropLast()) : context
            let whole = tokenizer.encode(context + continuation)
            let first = max(1, min(tokenizer.encode(shown).count, whole.count - 1))
            let state = decoder.makeState()
            var sum = 0.0
            for (index, token) in whole.enumerated() {
                if index >= first {
                    let logits = try decoder.logits(after: [whole[index - 1]], state: state)
                    sum -=
                        LogitMetrics.losses(
                            logits, vocabularySize: logits.count, targets: [token], pool: pool)[0]
                } else if index > 0 {
                    _ = try decoder.logits(after: [whole[index - 1]], state: state)
                }
            }
            return sum
        }
        for context in contexts {
            let scores = try continuations.map { try likelihood(context, $0) }
            let perCharacter = zip(scores, continuations).map { score, continuation in
                score / Double(continuation.drop { $0 == " " }.count)
            }
            for (label, _) in continuations.enumerated() {
                let question = ChoiceQuestion(
                    options: continuations.map { .init(context: context, continuation: $0) },
                    label: label)
                let result = try evaluator.answers(
                    of: decoder, tokenizer: tokenizer, questions: [question])
                let isBest = scores[label] == scores.max()
                #expect(result.accuracy.mean == (isBest ? 1 : 0), "\(context), \(label)")
                let isBestByLength = perCharacter[label] == perCharacter.max()
                #expect(result.normalizedAccuracy.mean == (isBestByLength ? 1 : 0))
            }
        }
    }
}
