import Foundation
import HalftoneData
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import HalftoneServer
import HalftoneServing
import HalftoneTesting
import HalftoneText
import Logging
import Testing

/// The server over real connections.
@Suite(.serialized)
struct ServerTests {
    private func json(_ text: String) throws -> JSONObject {
        guard case .object(let object) = try JSONParser.parse(text) else {
            throw CocoaError(.coderReadCorrupt)
        }
        return object
    }

    private func text(_ answer: String) throws -> String? {
        guard case .array(let choices) = try json(answer)["choices"],
            case .object(let choice) = choices.first
        else { return nil }
        return choice["text"]?.string
    }

    private func completion(_ prompt: String, tokens: Int = 12) -> String {
        #"{"model":"stories","prompt":"\#(prompt)","max_tokens":\#(tokens),"temperature":0}"#
    }

    @Test func manyClientsGetTheirOwnAnswers() async throws {
        try await RunningServer.with {
            $0.engine.sequences = 4
        } _: { server in
            let prompts = (0..<24).map { "Once there were \($0) cats and" }
            var alone: [String?] = []
            for prompt in prompts.prefix(6) {
                alone.append(
                    try text(try await server.send("/v1/completions", completion(prompt)).body))
            }
            let together = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
                for (index, prompt) in prompts.enumerated() {
                    group.addTask {
                        let answer = try await server.send(
                            "/v1/completions", completion(prompt))
                        return (index, try text(answer.body))
                    }
                }
                var texts = [String?](repeating: nil, count: prompts.count)
                for try await (index, text) in group { texts[index] = text }
                return texts
            }
            #expect(Array(together.prefix(6)) == alone)
            #expect(together.allSatisfy { $0 != nil })
        }
    }

    @Test func whoComesTooOftenIsToldWhenToComeAgain() async throws {
        try await RunningServer.with {
            $0.engine.sequences = 1
            $0.engine.waiting = 1
        } _: { server in
            let statuses = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
                for index in 0..<12 {
                    group.addTask {
                        let answer = try await server.send(
                            "/v1/completions", completion("Cat \(index)", tokens: 200))
                        return (answer.status, answer.headers["Retry-After"] as? String)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.contains { $0.0 == 200 })
            #expect(statuses.contains { $0.0 == 429 })
            #expect(statuses.allSatisfy { $0.0 == 200 || $0.0 == 429 && Int($0.1 ?? "") != nil })
        }
    }

    @Test func onlyWhoHasTheKeyIsLetIn() async throws {
        try await RunningServer.with {
            $0.apiKey = "secret"
        } _: { server in
            #expect(try await server.send("/health").status == 200)
            #expect(try await server.send("/").status == 200)
            let refused = try await server.send("/v1/models")
            #expect(refused.status == 401)
            #expect(refused.body.contains("authentication_error"))
            for key in ["Bearer secre", "Bearer secret1", "secret", "Bearer Secret"] {
                let answer = try await server.send("/v1/models", headers: ["Authorization": key])
                #expect(answer.status == 401)
            }
            let answer = try await server.send(
                "/v1/models", headers: ["Authorization": "Bearer secret"])
            #expect(answer.status == 200)
        }
    }

    @Test func foreignPagesStayOut() async throws {
        try await RunningServer.with {
            $0.allowedOrigins = ["https://good.example"]
        } _: { server in
            let own = server.url.absoluteString
            for (origin, status) in [
                ("https://bad.example", 403), ("https://good.example", 200), (own, 200),
                ("null", 403),
            ] {
                let answer = try await server.send("/v1/models", headers: ["Origin": origin])
                #expect(answer.status == status, "\(origin)")
                let allowed = answer.headers["Access-Control-Allow-Origin"] as? String
                #expect(allowed == (origin == "https://good.example" ? origin : nil))
            }
            let preflight = try await server.send(
                "/v1/models", headers: ["Origin": "https://good.example"], method: "OPTIONS")
            #expect(preflight.status == 204)
        }
    }

    @Test func stoppingFinishesStreams() async throws {
        let server = try await RunningServer()
        let body = #"{"model":"stories","prompt":"Once","max_tokens":200,"stream":true}"#
        async let answer = server.send("/v1/completions", body)
        // As a rule it is seen to run; where it is over sooner, the rest holds all the same.
        for _ in 0..<200 {
            let status = try await server.send("/v1/halftone/status").body
            if status.contains(#""active":1"#) { break }
        }
        try await server.end()
        let events = try await answer.body.split(separator: "\n\n")
        #expect(events.last == "data: [DONE]")
        #expect(events.count > 100)
        await #expect(throws: (any Error).self) { _ = try await server.send("/health") }
    }

    @Test func aPortThatIsTakenIsNamed() async throws {
        try await RunningServer.with { server in
            let port = try #require(server.url.port)
            let path = ShippedModels.path(of: ShippedModels.stories)
            let registry = try ModelRegistry(
                [.init(name: "stories", variants: [.init(name: "stories", path: path)])],
                settings: .init(pool: .shared))
            var options = ServerOptions()
            options.port = port
            let second = ModelServer(registry, options: options, logger: Logger(label: "test"))
            await #expect {
                try await second.run { _ in
                } until: {
                    try? await Task.sleep(for: .seconds(60))
                }
            } throws: { "\($0)".contains("port \(port) of 127.0.0.1 is in use") }
        }
    }

    @Test func modelsTellWhatTheyAreMadeOf() async throws {
        try await RunningServer.with { server in
            let model = try json(try await server.send("/v1/halftone/models/stories").body)
            guard case .array(let matrices) = model["matrices"],
                case .array(let kinds) = model["bytes_by_kind"],
                case .object(let first) = matrices.first
            else {
                Issue.record("no matrices")
                return
            }
            let sum = kinds.compactMap { kind -> Int? in
                if case .object(let kind) = kind { kind["bytes"]?.integer } else { nil }
            }.reduce(0, +)
            #expect(sum == model["bytes"]?.integer)
            let name = try #require(first["name"]?.string)
            let matrix = try json(
                try await server.send("/v1/halftone/models/stories/matrices/\(name)").body)
            guard case .array(let counts) = matrix["counts"] else {
                Issue.record("no counts")
                return
            }
            #expect(counts.count == 64)
            #expect(try await server.send("/v1/halftone/models/none").status == 404)
            #expect(try await server.send("/v1/halftone/models/stories/matrices/x").status == 404)
        }
    }

    @Test func switchingTakesTheOtherFile() async throws {
        try await RunningServer.with { server in
            let before = try await server.send("/v1/completions", completion("The cat")).body
            let path = "/v1/halftone/models/stories/variant"
            let answer = try await server.send(path, #"{"variant":"two"}"#)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""name":"two","bytes":"#))
            let after = try await server.send("/v1/completions", completion("The cat")).body
            #expect(try text(before) == text(after))
            #expect(try await server.send(path, #"{"variant":"three"}"#).status == 400)
        }
    }

    @Test func divergenceIsThatOfTheDistributions() async throws {
        let answer = " a time, there was a big cat."
        try await RunningServer.with { server in
            func ask(_ reference: String) async throws -> JSONObject {
                let body = """
                    {"model":"small","reference":"\(reference)","prompt":"Once upon",
                    "answer":"\(answer)"}
                    """
                return try json(try await server.send("/v1/halftone/divergence", body).body)
            }
            let same = try await ask("small")
            #expect(same["mean_divergence"]?.double == 0)
            #expect(same["same_choice"]?.double == 1)
            let other = try await ask("stories")
            let expected = try expectedDivergence("Once upon", answer)
            let found = try #require(other["mean_divergence"]?.double)
            // Float products of several tokens sum in another order: logits of about 10 differ by a
            // few units in their last place, 1e-6 each, and a divergence by no more than those.
            #expect(abs(found - expected) < 1e-5)
            #expect(expected > 1e-3)
            guard case .array(let tokens) = other["tokens"] else {
                Issue.record("no tokens")
                return
            }
            let texts = tokens.compactMap { token -> String? in
                if case .object(let token) = token { token["text"]?.string } else { nil }
            }
            #expect(texts.joined() == answer)
        }
    }

    /// The mean divergence of the model in 3 bits from the one that is shipped, token by token.
    private func expectedDivergence(_ prompt: String, _ answer: String) throws -> Double {
        let paths = [
            ShippedModels.path(of: ShippedModels.stories), try RunningServer.small.get(),
        ]
        let models = try paths.map { path in
            var model = try LanguageModel(path: path)
            model.weights.layOutPanels(on: .shared)
            return model
        }
        let tokenizer = try #require(models[0].tokenizer)
        let opening = tokenizer.encode(prompt)
        let tokens = tokenizer.encode(answer, addSpecialTokens: false)
        let logs = try models.map { model -> [[Double]] in
            let decoder = Decoder(model.weights, pool: .shared, activations: .int8)
            let state = decoder.makeState()
            return try tokens.indices.map { index in
                let next = index == 0 ? opening : [tokens[index - 1]]
                let logits = try decoder.logits(after: next, state: state).map(Double.init)
                let total = log(logits.reduce(0) { $0 + exp($1) })
                return logits.map { $0 - total }
            }
        }
        let sum = zip(logs[0], logs[1]).reduce(0.0) { sum, pair in
            sum + zip(pair.0, pair.1).reduce(0.0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        return sum / Double(tokens.count)
    }

    @Test func metricsCountWhatWasDone() async throws {
        try await RunningServer.with { server in
            _ = try await server.send("/v1/completions", completion("The cat", tokens: 7))
            let text = try await server.send("/metrics").body
            #expect(text.contains(#"halftone_generated_tokens_total{model="stories"} 7.0"#))
            #expect(
                text.contains(
                    #"halftone_time_to_first_token_seconds_count{model="stories"} 1"#))
            #expect(
                text.contains(
                    #"halftone_requests_total{path="/v1/completions",status="200"} 1.0"#))
        }
    }

    @Test(.enabled(if: ReferencePython.has("openai"), "needs Python with the package openai"))
    func theOfficialClientWorks() async throws {
        try await RunningServer.with { server in
            let run = try await ServerScripts.runBeside([
                ReferencePython.script("Server/openai_client.py"), server.url.absoluteString,
                "stories",
            ])
            #expect(run.code == 0, "\(run.output)")
        }
    }

    @Test(.enabled(if: ReferencePython.has("json"), "needs Python"))
    func hostileRequestsChangeNothing() async throws {
        try await RunningServer.with { server in
            let run = try await ServerScripts.runBeside([
                ReferencePython.script("Server/hostile_requests.py"), server.url.absoluteString,
                "stories", "--count", "1000",
            ])
            #expect(run.code == 0, "\(run.output)")
        }
    }

    @Test(.enabled(if: ReferencePython.has("json"), "needs Python"))
    func slowClientsAreLetGo() async throws {
        try await RunningServer.with {
            $0.patienceSeconds = 2
        } _: { server in
            let run = try await ServerScripts.runBeside([
                ReferencePython.script("Server/slow_clients.py"), server.url.absoluteString,
                "stories", "2",
            ])
            #expect(run.code == 0, "\(run.output)")
        }
    }

    @Test(
        .enabled(
            if: ServerScripts.browser != nil && ReferencePython.has("playwright"),
            "needs Chromium, and Python with the package playwright"))
    func thePageIsDriven() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "halftone-page")
        try await RunningServer.with { server in
            let run = try await ServerScripts.runBeside([
                ReferencePython.script("Browser/page_test.py"), server.url.absoluteString,
                folder.path(percentEncoded: false), "--browser",
                try #require(ServerScripts.browser),
            ])
            #expect(run.code == 0, "\(run.output)")
        }
    }
}
