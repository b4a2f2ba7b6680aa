import Foundation
import HalftoneData
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Testing

/// Many requests at once, on the model that is shipped.
struct ServingEngineTests {
    static let model = Result {
        var model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        model.weights.layOutPanels(on: .shared)
        return model
    }

    /// An engine, and what its decoder gives for one sequence at a time.
    private func engine(
        _ limits: ServingEngine.Limits = ServingEngine.Limits()
    ) throws -> ServingEngine {
        let model = try Self.model.get()
        let decoder = Decoder(model.weights, pool: .shared, activations: .int8)
        return ServingEngine(decoder, pool: .shared, limits: limits)
    }

    private func request(
        _ text: String, limit: Int = 24, temperature: Float = 0
    ) throws -> GenerationRequest {
        var options = SamplingOptions()
        options.temperature = temperature
        options.seed = UInt64(text.count)
        let tokenizer = try #require(try Self.model.get().tokenizer)
        return GenerationRequest(prompt: tokenizer.encode(text), limit: limit, sampling: options)
    }

    private func tokens(_ generation: Generation) async throws -> [Int32] {
        var tokens: [Int32] = []
        for try await event in generation {
            if case .token(let token, _, _) = event { tokens.append(token) }
        }
        return tokens
    }

    private func alone(_ request: GenerationRequest) throws -> [Int32] {
        let model = try Self.model.get()
        let decoder = Decoder(model.weights, pool: .shared, activations: .int8)
        var sampler = Sampler(request.sampling)
        var tokens: [Int32] = []
        _ = try decoder.generate(
            request.prompt, state: decoder.makeState(), sampler: &sampler, limit: request.limit,
            stopTokens: request.stopTokens
        ) {
            tokens.append($0)
            return true
        }
        return tokens
    }

    @Test func answersAreThoseOfEachRequestAlone() async throws {
        var limits = ServingEngine.Limits()
        limits.sequences = 5
        let engine = try engine(limits)
        let openings = ["Once upon a time", "Once upon a day there was", "The cat", "Lily"]
        var requests: [GenerationRequest] = []
        for round in 0..<6 {
            for opening in openings {
                // Long and short, greedy and drawn, some with long beginnings in common.
                let text = opening + String(repeating: " and then they played", count: round)
                requests.append(
                    try request(
                        text, limit: 5 + 7 * round, temperature: round % 2 == 0 ? 0 : 0.8))
            }
        }
        let answers = try await withThrowingTaskGroup(of: (Int, [Int32]).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try await self.tokens(engine.generate(request))) }
            }
            var answers = [[Int32]](repeating: [], count: requests.count)
            for try await (index, tokens) in group { answers[index] = tokens }
            return answers
        }
        for (request, answer) in zip(requests, answers) {
            #expect(try alone(request) == answer)
        }
        let status = engine.status
        #expect(status.active == 0 && status.waiting == 0)
        #expect(status.reusedTokens > 0)
        #expect(status.generatedTokens == answers.reduce(0) { $0 + $1.count })
        #expect(
            status.readTokens + status.reusedTokens
                == requests.reduce(0) { $0 + $1.prompt.count })
    }

    @Test func aConversationIsReadOnlyWhereItIsNew() async throws {
        let engine = try engine()
        var request = try request("Once upon a time there was a little girl named Lily.")
        let answer = try await tokens(engine.generate(request))
        let known = request.prompt.count + answer.count - 1
        request.prompt += answer + (try self.request(" Then", limit: 1)).prompt
        var cached: Int?
        var second: [Int32] = []
        for try await event in try engine.generate(request) {
            if case .read(let count) = event { cached = count }
            if case .token(let token, _, _) = event { second.append(token) }
        }
        #expect(cached == known)
        #expect(try alone(request) == second)
        // The same again, from a copy: the whole prompt but its last token is known.
        for try await event in try engine.generate(request) {
            if case .read(let count) = event { cached = count }
        }
        #expect(cached == request.prompt.count - 1)
    }

    @Test func whoLeavesFreesTheRoom() async throws {
        var limits = ServingEngine.Limits()
        limits.sequences = 1
        limits.waiting = 1
        // An answer that does not end by itself while others compute beside this test.
        limits.contextLength = 400_000
        limits.cacheByteCount = 1 << 40
        let engine = try engine(limits)
        var long = try request("Once", limit: 300_000)
        long.timeLimit = .seconds(1 << 20)
        let short = try request("The", limit: 3)
        let first = try engine.generate(long)
        // On the engine's thread, after the first was let in: nobody comes or goes meanwhile.
        let (second, third) = try await engine.perform(client: long.client) { [long] _, _ in
            let second = try engine.generate(short)
            let third = Result { () throws(ServingError) in try engine.generate(long) }
            first.cancel()
            return (second, third)
        }
        #expect(throws: ServingError.self) { try third.get() }
        #expect(try await tokens(second).count == 3)
        // A listener whose task ends leaves, too.
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let task = Task { [long] in
            for try await _ in try engine.generate(long) { started.yield() }
        }
        for await _ in starts { break }
        task.cancel()
        while engine.status.active > 0 { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test func refusalsSayWhy() async throws {
        var limits = ServingEngine.Limits()
        limits.contextLength = 64
        limits.cacheByteCount = 40 * (try engine().decoder.cacheByteCount(capacity: 1024) / 1024)
        let engine = try engine(limits)
        #expect(throws: ServingError.tooLong(tokens: 101, limit: 64)) {
            try engine.generate(GenerationRequest(prompt: [1], limit: 100))
        }
        #expect(throws: ServingError.unreadable(.noTokens)) {
            try engine.generate(GenerationRequest(prompt: [], limit: 1))
        }
        let size = engine.decoder.spec.vocabularySize
        #expect(
            throws: ServingError.unreadable(
                .tokenOutOfRange(Int32(size), vocabularySize: size))
        ) {
            try engine.generate(GenerationRequest(prompt: [Int32(size)], limit: 1))
        }
        #expect {
            try engine.generate(GenerationRequest(prompt: [1], limit: 60))
        } throws: { error in
            if case ServingError.tooLarge = error { true } else { false }
        }
        var slow = GenerationRequest(prompt: [1], limit: 30)
        slow.timeLimit = .zero
        await #expect(throws: ServingError.timedOut) {
            _ = try await self.tokens(engine.generate(slow))
        }
    }

    @Test func drainingFinishesWhatRunsAndTakesNothingNew() async throws {
        let engine = try engine()
        let request = try request("Once upon a time", limit: 200)
        let generation = try engine.generate(request)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let answer = Task {
            var tokens: [Int32] = []
            for try await event in generation {
                started.yield()
                if case .token(let token, _, _) = event { tokens.append(token) }
            }
            return tokens
        }
        for await _ in starts { break }
        let drain = Task { await engine.drain(within: .seconds(3600)) }
        while true {
            do {
                _ = try engine.generate(request)
                try await Task.sleep(for: .milliseconds(1))
            } catch ServingError.stopping {
                break
            }
        }
        #expect(try await answer.value == alone(request))
        await drain.value
        await #expect(throws: ServingError.stopping) {
            _ = try await engine.perform(client: "") { _, _ in 1 }
        }
    }

    @Test func memoryStaysWithinItsBound() async throws {
        var limits = ServingEngine.Limits()
        let each = try engine().decoder.cacheByteCount(capacity: 1024) / 1024
        limits.cacheByteCount = 200 * each
        let engine = try engine(limits)
        let most = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<30 {
                let request = try request("The \(index) cats", limit: 40)
                group.addTask {
                    var most = 0
                    for try await _ in try engine.generate(request) {
                        most = max(most, engine.status.cacheByteCount)
                    }
                    return most
                }
            }
            return try await group.reduce(0) { max($0, $1) }
        }
        #expect(most <= limits.cacheByteCount)
        #expect(most > 0)
    }

    @Test func jobsComeBetween() async throws {
        let engine = try engine()
        let request = try request("Once upon a time", limit: 60)
        let generation = try engine.generate(request)
        async let answer = tokens(generation)
        let hidden = try await engine.perform(client: "a") { decoder, workspace in
            let state = decoder.makeState(capacity: 3, workspace: workspace)
            var mean: [Float] = []
            try decoder.read([1, 2, 3], state: state) { states, count in
                mean = Array(states.prefix(count))
            }
            return mean
        }
        #expect(hidden.count == 3)
        #expect(try await answer == alone(request))
    }

    @Test func probabilitiesAreThoseOfTheModel() async throws {
        let engine = try engine()
        var request = try request("Once upon a", limit: 3)
        request.alternatives = 4
        request.sampling.logitBias = [5: -3]
        let state = engine.decoder.makeState()
        var logits = try engine.decoder.logits(after: request.prompt, state: state)
        for try await event in try engine.generate(request) {
            guard case .token(let token, let probability, let alternatives) = event else {
                continue
            }
            let total = logits.reduce(0.0) { $0 + exp(Double($1)) }
            let expected = Double(logits[Int(token)]) - log(total)
            let own = try #require(probability)
            // Single precision: a few units in the last place of a logit of about 10.
            #expect(abs(Double(own.logProbability) - expected) < 1e-5)
            #expect(own.token == token)
            #expect(alternatives.count == 4)
            let best = logits.sorted(by: >).prefix(4)
            #expect(alternatives.map { logits[Int($0.token)] } == Array(best))
            logits = try engine.decoder.logits(after: [token], state: state)
        }
    }
}
