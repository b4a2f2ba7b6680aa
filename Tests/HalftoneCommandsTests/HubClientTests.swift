import Foundation
import HalftoneCommands
import HalftoneFiles
import Synchronization
import Testing

/// Downloads from a hub on the loopback that can misbehave.
@Suite struct HubClientTests {
    private static let wanted = [
        "additional_chat_templates/tool_use.jinja", "config.json", "generation_config.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]

    /// What the server holds under a seed: the sum of it repeated, as the script makes it.
    private func bytes(_ snapshot: HubSnapshot, _ name: String) throws -> Data {
        try Data(contentsOf: snapshot.folder.appending(path: name).resolvingSymlinksInPath())
    }

    private func download(
        _ name: String, _ files: HubFiles = .folder, server: HubServer, token: String? = "good"
    ) async -> Result<HubSnapshot, HubError> {
        do throws(HubError) {
            let reference = try HubReference(name)
            return .success(try await server.client(token: token).download(reference, files: files))
        } catch {
            return .failure(error)
        }
    }

    private func failure(
        _ name: String, _ files: HubFiles = .folder, server: HubServer, token: String? = "good"
    ) async -> HubError? {
        if case .failure(let error) = await download(name, files, server: server, token: token) {
            return error
        }
        return nil
    }

    @Test func aModelArrivesInTheUsualLayout() async throws {
        let server = try HubServer()
        let seen = Mutex<[HubProgress]>([])
        let snapshot = try await server.client().download(HubReference("test/good@v1")) {
            progress in
            seen.withLock { $0.append(progress) }
        }
        #expect(snapshot.files.sorted() == Self.wanted)
        #expect(snapshot.commit == HubServer.commit)
        let root = server.cache.appending(path: "models--test--good")
        #expect(snapshot.folder.path == root.appending(path: "snapshots/\(HubServer.commit)").path)
        let noted = try String(contentsOf: root.appending(path: "refs/v1"), encoding: .utf8)
        #expect(noted == HubServer.commit)
        let links = FileManager.default
        let plain = snapshot.folder.appending(path: "config.json").path
        let nested = snapshot.folder.appending(path: "additional_chat_templates/tool_use.jinja")
            .path
        let plainTarget = try links.destinationOfSymbolicLink(atPath: plain)
        let nestedTarget = try links.destinationOfSymbolicLink(atPath: nested)
        #expect(plainTarget == "../../blobs/9eddb62b076f586b2186445e7872e5a05f0dfe06")
        #expect(nestedTarget.hasPrefix("../../../blobs/"))
        #expect(try bytes(snapshot, "config.json") == Data("{\"model_type\": \"llama\"}\n".utf8))
        #expect(try bytes(snapshot, "generation_config.json").isEmpty)
        #expect(try bytes(snapshot, "model-00001-of-00002.safetensors").count == 700_001)
        #expect(try !server.cachedNames().contains { $0.hasSuffix(".incomplete") })
        let last = try #require(seen.withLock { $0.last })
        #expect(last.completedFiles == 7 && last.totalFiles == 7)
        #expect(last.completedBytes == last.totalBytes && last.totalBytes > 1_000_000)
    }

    @Test func theTokenGoesToTheHubAlone() async throws {
        let server = try HubServer()
        _ = try await download("test/good", server: server).get()
        let log = try server.log()
        let store = log.filter { $0["store"]?.bool == true }
        #expect(store.count == 2)
        #expect(store.allSatisfy { $0["token"] == .null })
        let hub = log.filter { $0["store"]?.bool == false }
        #expect(hub.allSatisfy { $0["token"]?.string == "Bearer good" })
    }

    @Test func aSecondRunAsksForTheListingOnly() async throws {
        let server = try HubServer()
        let first = try await download("test/good", server: server).get()
        let count = try server.log().count
        let second = try await download("test/good", server: server).get()
        #expect(first == second)
        let added = try server.log().dropFirst(count)
        #expect(added.count == 1)
        #expect(
            added.first?["path"]?.string?.hasPrefix("/api/models/test/good/revision/main") == true)
    }

    @Test func aCutConnectionIsResumed() async throws {
        let server = try HubServer()
        let good = try await download("test/good", server: server).get()
        let cut = try await download("test/cut", server: server).get()
        for name in Self.wanted { #expect(try bytes(good, name) == bytes(cut, name)) }
        let ranges = try server.log().compactMap { $0["range"]?.string }
        #expect(ranges.contains { $0 != "bytes=0-" }, "nothing was resumed: \(ranges)")
    }

    @Test func whatAnEarlierRunLeftIsResumed() async throws {
        let server = try HubServer()
        let good = try await download("test/good", .gguf("Q4_0"), server: server).get()
        let data = try bytes(good, "tiny-Q4_0.gguf")
        let link = good.folder.appending(path: "tiny-Q4_0.gguf").path
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
        let tag = try #require(target.split(separator: "/").last)
        let blobs = server.cache.appending(path: "models--test--norange2/blobs")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        let partial = blobs.appending(path: tag + ".incomplete")
        try data.prefix(4000).write(to: partial)
        let resumed = try await download("test/norange2", .gguf("Q4_0"), server: server).get()
        #expect(try bytes(resumed, "tiny-Q4_0.gguf") == data)
        #expect(try server.log().contains { $0["range"]?.string == "bytes=4000-" })
    }

    @Test func aServerWithoutRangesBeginsAnew() async throws {
        let server = try HubServer()
        let good = try await download("test/good", .gguf("Q4_0"), server: server).get()
        let data = try bytes(good, "tiny-Q4_0.gguf")
        let link = good.folder.appending(path: "tiny-Q4_0.gguf").path
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
        let tag = try #require(target.split(separator: "/").last)
        let blobs = server.cache.appending(path: "models--test--norange/blobs")
        try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
        try data.prefix(4000).write(to: blobs.appending(path: tag + ".incomplete"))
        let fresh = try await download("test/norange", .gguf("Q4_0"), server: server).get()
        #expect(try bytes(fresh, "tiny-Q4_0.gguf") == data)
    }

    @Test func aDamagedFileIsRefusedAndDropped() async throws {
        let server = try HubServer()
        guard case .checksum(let file, _, _)? = await failure("test/damaged", server: server) else {
            Issue.record("the damaged file was taken")
            return
        }
        #expect(file.contains("model-00002-of-00002.safetensors"))
        let refs = server.cache.appending(path: "models--test--damaged/refs/main")
        #expect(!FileManager.default.fileExists(atPath: refs.path))
    }

    @Test func aFileThatChangedMeanwhileIsRefused() async throws {
        let server = try HubServer()
        guard case .badAnswer(let what)? = await failure("test/changed", server: server) else {
            Issue.record("the changed file was taken")
            return
        }
        #expect(what.contains("changed on the hub"))
    }

    @Test func statusesSayWhatToDo() async throws {
        let server = try HubServer()
        let gated = await failure("test/gated", server: server, token: nil)
        #expect(gated == .unauthorized(repository: "test/gated", hasToken: false))
        #expect(gated?.description.contains("set HF_TOKEN") == true)
        let refused = await failure("test/gated", server: server, token: "bad")
        #expect(refused == .unauthorized(repository: "test/gated", hasToken: true))
        #expect(await failure("test/gated", server: server) == nil)
        #expect(await failure("test/terms", server: server) == .forbidden(repository: "test/terms"))
        #expect(await failure("test/absent", server: server) == .notFound("test/absent"))
        #expect(await failure("test/good@absent", server: server) == .notFound("test/good@absent"))
        guard case .status(500, _)? = await failure("test/down", server: server) else {
            Issue.record("a server that is down was not named")
            return
        }
    }

    @Test func passingFaultsAreTriedAgain() async throws {
        let server = try HubServer()
        let snapshot = try await download("test/busy", server: server).get()
        #expect(snapshot.files.count == Self.wanted.count)
        let asked = try server.log().filter {
            $0["path"]?.string?.hasPrefix("/api/models/test/busy") == true
        }
        #expect(asked.count == 3)
    }

    @Test func aStoreThatDropsConnectionsEndsInAnError() async throws {
        let server = try HubServer()
        guard case .connection? = await failure("test/reset", .gguf("Q4"), server: server) else {
            Issue.record("dropped connections were not named")
            return
        }
    }

    @Test func redirectsStayBounded() async throws {
        let server = try HubServer()
        guard case .badAnswer? = await failure("test/loop", .gguf("Q4"), server: server) else {
            Issue.record("an endless redirect was followed")
            return
        }
        let near = try await download("test/near", .gguf("Q4"), server: server).get()
        #expect(try bytes(near, "tiny-Q4_0.gguf").count == 10_000)
        let followed = try server.log().filter { $0["path"]?.string?.hasPrefix("/near/") == true }
        #expect(followed.allSatisfy { $0["token"]?.string == "Bearer good" })
    }

    @Test func aListingWithoutSumsIsCompletedByHeads() async throws {
        let server = try HubServer()
        let snapshot = try await download("test/plain", server: server).get()
        let good = try await download("test/good", server: server).get()
        for name in Self.wanted { #expect(try bytes(snapshot, name) == bytes(good, name)) }
    }

    @Test(arguments: 0..<9)
    func maliciousFileNamesAreRefused(index: Int) async throws {
        let server = try HubServer()
        guard case .unsafeFileName? = await failure("test/evil\(index)", server: server) else {
            Issue.record("the malicious name was taken")
            return
        }
        #expect(try server.cachedNames().isEmpty)
    }

    @Test func maliciousAnswersAreRefused() async throws {
        let server = try HubServer()
        for name in ["test/eviltag", "test/evilcommit", "test/garbage"] {
            guard case .badAnswer? = await failure(name, server: server) else {
                Issue.record("\(name) was taken")
                continue
            }
        }
        #expect(try server.cachedNames().isEmpty)
    }

    @Test func theWantedFilesAreChosen() async throws {
        let server = try HubServer()
        let several = await failure("test/good", .gguf(""), server: server)
        #expect(
            several
                == .ambiguous(
                    repository: "test/good", choices: ["tiny-Q4_0.gguf", "tiny-Q8_0.gguf"]))
        let one = try await download("test/good", .gguf("q8_0"), server: server).get()
        #expect(one.files == ["tiny-Q8_0.gguf"])
        let none = await failure("test/good", .gguf("Q2"), server: server)
        #expect(none?.description.contains("'Q2'") == true)
        #expect(
            await failure("test/empty", server: server)
                == .noFiles(repository: "test/empty", wanted: "safetensors weights"))
        let named = try await download("test/good", .named(["README.md"]), server: server).get()
        #expect(named.files == ["README.md"])
    }

    @Test func offlineUsesTheCacheAlone() async throws {
        let server = try HubServer()
        let online = try await download("test/good", server: server).get()
        let count = try server.log().count
        var environment = server.environment()
        environment.isOffline = true
        let client = HubClient(environment)
        let offline = try await client.download(HubReference("test/good"))
        #expect(offline.folder == online.folder && offline.files == online.files.sorted())
        await #expect(throws: HubError.offline("test/other")) {
            try await client.download(HubReference("test/other"))
        }
        #expect(try server.log().count == count)
    }

    @Test func aCancelledDownloadSaysSo() async throws {
        let server = try HubServer()
        let client = server.client()
        let task = Task { try await client.download(HubReference("test/good")) }
        task.cancel()
        await #expect(throws: HubError.cancelled) { try await task.value }
    }

    @Test(arguments: [
        "", "name", "a/b/c", "/b", "a/", "../b", "a/..", "a b/c", "a/b@", "a/b@../x", "a/b@/x",
        "a/.b", "-a/b", "a/b--c", "ä/b", "a/b\n",
    ])
    func badReferencesAreRefused(text: String) {
        #expect(throws: HubError.badReference(text)) { try HubReference(text) }
    }

    @Test func theEnvironmentIsRead() throws {
        let settings = try HubEnvironment(environment: [
            "HF_ENDPOINT": "https://example.org/hub/", "HF_TOKEN": " t \n", "HF_HOME": "/h",
            "HF_HUB_OFFLINE": "1",
        ])
        #expect(settings.endpoint.host == "example.org" && settings.token == "t")
        #expect(settings.cache.path == "/h/hub" && settings.isOffline)
        let other = try HubEnvironment(environment: ["HF_HUB_CACHE": "/c", "HF_HOME": "/h"])
        #expect(other.cache.path == "/c" && !other.isOffline)
        #expect(other.endpoint.absoluteString == "https://huggingface.co")
        #expect(throws: HubError.self) {
            try HubEnvironment(environment: ["HF_ENDPOINT": "http://example.org"])
        }
    }
}
