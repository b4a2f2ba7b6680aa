import Foundation
import HalftoneData
import HalftoneFiles
import HalftoneText
import Testing

@Suite struct StoryTextTests {
    private static let documents: [StoryDocument] = {
        let text = StoryText(seed: 11)
        return (0..<4000).map { text.document(at: $0, of: .training) }
    }()

    /// FNV-1a; a change of the generator changes models trained from it, so it has to be meant.
    @Test func theSameSeedGivesTheSameBytes() {
        func digest(_ text: String) -> UInt64 {
            text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        let text = StoryText(seed: 1)
        let training = text.text(byteCount: 200_000, of: .training)
        #expect(training == StoryText(seed: 1).text(byteCount: 200_000, of: .training))
        #expect(digest(training) == 1650564521154681235)
        #expect(digest(text.text(byteCount: 20_000, of: .heldOut)) == 17230884718096667756)
        #expect(
            digest(StoryText(seed: 2).text(byteCount: 200_000, of: .training))
                != 1650564521154681235)
    }

    @Test func aStreamCanBeReadFromAnywhere() {
        let text = StoryText(seed: 5)
        let parts = (0..<30).map {
            text.document(at: $0, of: .training).text + StoryText.endOfText + "\n"
        }
        let whole = text.text(byteCount: parts.joined().utf8.count, of: .training)
        #expect(whole == parts.joined())
        let rest = text.text(byteCount: 1, of: .training, from: 7)
        #expect(rest == parts[7])
    }

    /// The splits share no document whatever the seeds, since the text decides on the split.
    @Test func theSplitsHaveNoDocumentInCommon() {
        let heldOut = (0..<300).map { StoryText(seed: 3).document(at: $0, of: .heldOut).text }
        #expect(heldOut.allSatisfy { StoryText.split(of: $0) == .heldOut })
        #expect(Self.documents.allSatisfy { StoryText.split(of: $0.text) == .training })
        #expect(Set(heldOut).isDisjoint(with: Self.documents.map(\.text)))
        // Within a split a document hardly ever comes twice: none in 4000 did at this seed.
        #expect(Set(Self.documents.map(\.text)).count == Self.documents.count)
        #expect(Set(heldOut).count == heldOut.count)
        // A sixteenth of other texts is held out; five deviations of a count of 16,000.
        let share = (0..<16_000).filter { StoryText.split(of: "text \($0)") == .heldOut }.count
        #expect(abs(Double(share) - 1000) < 5 * (1000.0 * 15 / 16).squareRoot())
    }

    @Test func everyPlaceOfATextIsFilled() {
        for document in Self.documents {
            let text = document.text
            for mark in ["{", "}", "[", "]", "  ", " .", "..", " ,", "\n\n"] {
                #expect(!text.contains(mark), "“\(mark)” in: \(text)")
            }
            #expect(text.utf8.allSatisfy { $0 < 128 })
            #expect(text.hasSuffix("\n"))
        }
        let kinds = Set(Self.documents.map(\.kind))
        #expect(kinds.count == StoryDocument.Kind.allCases.count)
        let chats = Self.documents.filter(\.isChat).count
        // Five deviations of a count of 4000 tosses.
        #expect(abs(Double(chats) - 2000) < 5 * 1000.0.squareRoot())
    }

    @Test func questionsContinueTheirPrompts() {
        var count = 0
        for document in Self.documents {
            for question in document.questions {
                count += 1
                #expect(document.text.hasPrefix(question.prompt))
                let rest = document.text.dropFirst(question.prompt.count)
                #expect(rest.drop { $0 == " " }.hasPrefix(question.answer))
                #expect(!question.wrongAnswers.isEmpty, "\(question.question)")
                #expect(!question.wrongAnswers.contains(question.answer))
            }
        }
        #expect(count > 8000)
    }

    @Test func theVocabularyIsOfTheStatedSize() {
        let text = StoryText(seed: 1).text(byteCount: 2_000_000, of: .training)
        let words = Set(
            text.split { !$0.isLetter }.map { $0.lowercased() }.filter { $0.count > 1 })
        #expect((1300...2200).contains(words.count), "\(words.count) words")
    }

    @Test func theTemplateWritesWhatDocumentsHold() throws {
        let template = try ChatTemplate(source: StoryText.chatTemplate)
        let document = try #require(Self.documents.first { $0.isChat && $0.questions.count > 1 })
        // Split the document into turns, and let the template join them.
        var messages: [ChatMessage] = []
        for turn in document.text.components(separatedBy: StoryText.turnStart).dropFirst() {
            let lines = turn.components(separatedBy: "\n")
            let body = lines.dropFirst().joined(separator: "\n")
            let content = try #require(body.range(of: StoryText.turnEnd))
            messages.append(
                ChatMessage(role: lines[0], content: .string(String(body[..<content.lowerBound]))))
        }
        #expect(
            try template.render(messages: messages, addGenerationPrompt: false) == document.text)
    }
}
