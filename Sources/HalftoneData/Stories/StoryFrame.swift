import HalftoneTensor

/// Turns an episode into a document: as plain text, or as a conversation.
enum StoryFrame {
    /// The story, then its questions and answers, a line each.
    static func plain(_ episode: Episode, _ random: inout SeededGenerator) -> StoryDocument {
        var text = episode.body
        var questions: [StoryQuestion] = []
        let short = random.chance(0.3)
        for exchange in episode.exchanges {
            if !text.isEmpty { text += "\n" }
            text += short ? "Q: " : "Question: "
            text += exchange.question
            text += short ? "\nA:" : "\nAnswer:"
            questions.append(question(exchange, prompt: text))
            text += " " + exchange.answer
        }
        text += "\n"
        return StoryDocument(kind: episode.kind, isChat: false, text: text, questions: questions)
    }

    /// A user who asks for the story, or tells it and asks about it, and an assistant who answers.
    static func chat(_ episode: Episode, _ random: inout SeededGenerator) -> StoryDocument {
        var text = ""
        var questions: [StoryQuestion] = []
        var told = episode.body.isEmpty
        func turn(_ role: String) { text += StoryText.turnStart + role + "\n" }
        func end() { text += StoryText.turnEnd + "\n" }
        if random.chance(0.2) {
            turn("user")
            let name = random.chance(0.4) ? random.pick(Words.boys + Words.girls) : nil
            text += random.pick(["Hello!", "Hi!", "Good morning!", "Good evening!", "Hello there."])
            if let name { text += " My name is \(name)." }
            end()
            turn("assistant")
            text += name.map { "Hello, \($0)! " } ?? "Hello! "
            text += random.pick(helpOffers)
            end()
        }
        if let request = episode.request {
            turn("user")
            text += request
            end()
            turn("assistant")
            text += episode.body
            end()
            told = true
        }
        for exchange in episode.exchanges {
            turn("user")
            if !told {
                text += episode.body + random.pick([" ", "\n"])
                told = true
            }
            text += exchange.question
            end()
            turn("assistant")
            questions.append(question(exchange, prompt: text))
            text += exchange.answer
            end()
        }
        if random.chance(0.2) {
            turn("user")
            text += random.pick(["Thank you!", "Thanks!", "Thank you very much.", "That is right!"])
            end()
            turn("assistant")
            text += random.pick(["You are welcome!", "You are welcome. Ask me any time."])
            end()
        }
        return StoryDocument(kind: episode.kind, isChat: true, text: text, questions: questions)
    }

    private static let helpOffers = [
        "How can I help you?", "What would you like to know?", "What can I do for you today?",
        "Shall I tell you a story?",
    ]

    private static func question(
        _ exchange: Episode.Exchange, prompt: String
    ) -> StoryQuestion {
        var wrong: [String] = []
        for answer in exchange.wrong where answer != exchange.answer && !wrong.contains(answer) {
            wrong.append(answer)
        }
        return StoryQuestion(
            prompt: prompt, question: exchange.question, answer: exchange.answer,
            wrongAnswers: wrong)
    }
}
