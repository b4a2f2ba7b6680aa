import Foundation
import HalftoneData
import Testing

/// Answers are held to what a reader of the text alone works out.
@Suite struct StoryAnswerTests {
    private static func documents(_ kind: StoryDocument.Kind) -> [StoryDocument] {
        let text = StoryText(seed: 21)
        return (0..<6000).lazy.map { text.document(at: $0, of: .training) }
            .filter { $0.kind == kind }
    }

    /// What is told before the first question: the plain text, or the first user's turn.
    private func story(_ document: StoryDocument) throws -> String {
        let question = try #require(document.questions.first)
        var text = question.prompt
        if document.isChat {
            let start = try #require(
                text.range(of: StoryText.turnStart + "user\n", options: .backwards))
            text = String(text[start.upperBound...])
        }
        let end = try #require(text.range(of: question.question))
        text = String(text[..<end.lowerBound])
        for mark in ["Question: ", "Q: "] where text.hasSuffix(mark) {
            text.removeLast(mark.count)
        }
        return text
    }

    private func words(_ text: String) -> [String] {
        text.split { !$0.isLetter && !$0.isNumber && $0 != "-" }.map(String.init)
    }

    @Test func worldsAreAsTold() throws {
        var count = 0
        for document in Self.documents(.world) {
            let told = ToldWorld(try story(document))
            #expect(told.unread.isEmpty, "\(told.unread) in: \(document.text)")
            for question in document.questions {
                let expected = try #require(
                    told.answer(question.question), "\(question.question) \(document.text)")
                let answer = words(question.answer)
                #expect(
                    expected.allSatisfy { answer.contains($0) },
                    "\(question.question) \(question.answer) – expected \(expected)")
                for wrong in question.wrongAnswers where question.question.hasPrefix("W") {
                    let wrongWords = words(wrong)
                    let isTrue =
                        expected.allSatisfy { wrongWords.contains($0) }
                        && wrongWords.count == answer.count && wrongWords.first == answer.first
                    #expect(!isTrue, "\(question.question) \(wrong) is true")
                }
                count += 1
            }
        }
        #expect(count > 3000)
    }

    private static let numbers = [
        "no": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
        "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
        "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
        "nineteen": 19, "twenty": 20, "thirty": 30,
    ]

    private func number(_ word: String) -> Int? {
        word.split(separator: "-").reduce(0) { sum, part in
            guard let sum, let value = Self.numbers[String(part)] else { return nil }
            return sum + value
        }
    }

    @Test func countsAreAsTold() throws {
        var asked = 0
        for document in Self.documents(.counting) {
            var counts: [String: Int] = [:]
            var first: [String: Int] = [:]
            var subject = ""
            for sentence in try story(document).split(separator: ".") {
                var words = words(String(sentence))
                if words.isEmpty { continue }
                if ["Then", "Later"].contains(words[0]) { words.removeFirst() }
                let name = ["he", "she"].contains(words[0].lowercased()) ? subject : words[0]
                subject = name
                let amount = try #require(words.lazy.compactMap { number($0) }.first)
                switch words[1] {
                case "had":
                    counts[name] = amount
                    first[name] = amount
                case "found", "bought", "got": counts[name, default: 0] += amount
                case "lost", "sold": counts[name, default: 0] -= amount
                case "gave":
                    counts[name, default: 0] -= amount
                    if words[words.count - 2] == "to" {
                        counts[words[words.count - 1], default: 0] += amount
                    }
                default: Issue.record("\(sentence)")
                }
            }
            #expect(counts.values.allSatisfy { $0 >= 0 })
            for question in document.questions {
                let asks = words(question.question)
                let answer = words(question.answer)
                asked += 1
                if asks[0] == "Who" {
                    let most = counts.values.max()
                    let winners = counts.filter { $0.value == most }.map(\.key)
                    #expect(answer[0] == (winners.count == 1 ? winners[0] : "They"))
                } else {
                    let found = try #require(answer.lazy.compactMap { number($0) }.first)
                    let expected =
                        asks.contains("they")
                        ? counts.values.reduce(0, +)
                        : asks.contains("first")
                            ? first[asks[4]]
                            : asks.contains("did") ? first[asks[4]] : counts[asks[4]]
                    #expect(found == expected, "\(document.text)")
                }
            }
        }
        #expect(asked > 1000)
    }

    @Test func ordersAreAsTold() throws {
        let less: Set = [
            "shorter", "younger", "slower", "weaker", "poorer", "quieter", "lighter",
        ]
        let least: Set = [
            "shortest", "youngest", "slowest", "weakest", "poorest", "quietest", "lightest",
        ]
        var asked = 0
        for document in Self.documents(.comparison) {
            let story = try story(document)
            if story.contains(" old") || story.contains("year") { continue }
            var above: [String: String] = [:]
            for sentence in story.split(separator: ".") {
                let words = words(String(sentence))
                if words.isEmpty { continue }
                if less.contains(words[2]) {
                    above[words[0]] = words[4]
                } else {
                    above[words[4]] = words[0]
                }
            }
            let names = Set(above.keys).union(above.values)
            func rank(_ name: String) -> Int { above[name].map { rank($0) + 1 } ?? 0 }
            #expect(Set(names.map(rank)) == Set(0..<names.count))
            for question in document.questions {
                let asks = words(question.question)
                asked += 1
                if asks[0] == "Who" {
                    let wanted = least.contains(asks[3]) ? names.count - 1 : 0
                    #expect(rank(words(question.answer)[0]) == wanted, "\(document.text)")
                } else {
                    let isTrue = (rank(asks[1]) < rank(asks[4])) != less.contains(asks[2])
                    #expect(question.answer.hasPrefix(isTrue ? "Yes" : "No"), "\(document.text)")
                }
            }
        }
        #expect(asked > 500)
    }

    @Test func sumsAreRight() throws {
        var asked = 0
        for question in Self.documents(.lesson).flatMap(\.questions) {
            let asks = words(question.question)
            let values = asks.compactMap { Int($0) }
            let result = words(question.answer).compactMap { Int($0) }.last
            let expected: Int
            if asks.contains("plus") {
                expected = values[0] + values[1]
            } else if asks.contains("minus") {
                expected = values[0] - values[1]
            } else if asks.contains("times") {
                expected = values[0] * values[1]
            } else if asks.contains("half") {
                expected = values[0] / 2
            } else if asks.contains("twice") {
                expected = values[0] * 2
            } else {
                continue
            }
            asked += 1
            #expect(result == expected, "\(question.question) \(question.answer)")
        }
        #expect(asked > 500)
    }

    @Test func answersOfTalesAreInTheTale() throws {
        let common: Set = [
            "the", "a", "an", "was", "is", "it", "them", "they", "some", "to", "of", "about", "in",
            "at", "on", "near", "won", "lost", "helped", "found", "gave", "him", "her",
        ]
        var unknown: Set<String> = []
        var total = 0
        for document in Self.documents(.tale) {
            for question in document.questions {
                let told = Set(
                    words(
                        question.prompt.lowercased().replacing(
                            question.question.lowercased(), with: "")))
                for word in words(question.answer.lowercased()) where !common.contains(word) {
                    total += 1
                    if !told.contains(word) { unknown.insert(word) }
                }
            }
        }
        #expect(total > 2000)
        // Verbs of answers may be missing in the tale; names and things may not.
        let verbs: Set = [
            "story", "spoke", "came", "has", "shared", "practised", "first", "used", "showed",
            "now", "blamed", "likes", "s", "dug", "planted", "brought", "could", "have", "got",
            "would", "took", "waited", "ended", "not", "been", "stopped", "because", "carried",
            "over",
        ]
        #expect(unknown.subtracting(verbs).isEmpty, "\(unknown.subtracting(verbs).sorted())")
    }
}
