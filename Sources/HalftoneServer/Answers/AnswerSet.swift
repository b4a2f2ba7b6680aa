import HalftoneServing

/// Several answers to one question, made at the same time.
struct AnswerSet: Sendable {
    /// What happens to one of the answers.
    enum Event: Sendable {
        case piece(Int, AnswerPiece)
        case end(Int, AnswerEnd)
    }

    private let answers: [Answer]

    /// Begins all of them, or none.
    init(_ model: ServedModel, _ requests: [GenerationRequest], stops: [String]) throws {
        answers = try requests.map { try Answer(model, $0, stops: stops) }
    }

    /// Listens to all answers; pieces come in the order in which they are made.
    ///
    /// - Parameters:
    ///   - leaving: Ends the work when the client leaves.
    ///   - receive: Called with one event at a time.
    func run(
        leaving: Leaving, _ receive: (Event) async throws -> Void
    ) async throws {
        if answers.count == 1 {
            let end = try await answers[0].run(leaving: leaving) { piece in
                try await receive(.piece(0, piece))
            }
            return try await receive(.end(0, end))
        }
        let (events, source) = AsyncThrowingStream.makeStream(of: Event.self)
        let work = Task {
            do {
                try await withThrowingTaskGroup { group in
                    for (index, answer) in answers.enumerated() {
                        group.addTask {
                            let end = try await answer.run(leaving: leaving) { piece in
                                source.yield(.piece(index, piece))
                            }
                            source.yield(.end(index, end))
                        }
                    }
                    try await group.waitForAll()
                }
                source.finish()
            } catch {
                source.finish(throwing: error)
            }
        }
        defer { work.cancel() }
        for try await event in events { try await receive(event) }
    }
}
