import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// How far a download is.
public struct HubProgress: Sendable, Equatable {
    /// The file that just moved on.
    public var file: String
    /// Bytes that are there, over all files, those of earlier runs included.
    public var completedBytes: Int
    /// Bytes of all files as far as the hub lists them.
    public var totalBytes: Int
    /// Files that are complete.
    public var completedFiles: Int
    /// All files.
    public var totalFiles: Int
}

/// A downloaded commit of a repository.
public struct HubSnapshot: Sendable, Equatable {
    /// The folder with the files under their own names.
    public var folder: URL
    /// The commit.
    public var commit: String
    /// The files that were asked for, relative to the folder.
    public var files: [String]
}

/// Downloads models from the hub into the cache that all its tools share.
///
/// Files are fetched in parallel, resumed where they were cut, and checked: large ones against the
/// SHA-256 that the hub lists, small ones against git's name of them. The layout is that of
/// huggingface_hub: `models--owner--name/{blobs,refs,snapshots}` with relative links.
public struct HubClient: Sendable {
    private let session: HubSession
    private var environment: HubEnvironment { session.environment }

    /// A client with its settings.
    public init(_ environment: HubEnvironment) { session = HubSession(environment: environment) }

    /// Downloads what is missing of a model.
    ///
    /// - Parameters:
    ///   - reference: The repository and its revision.
    ///   - files: Which files are needed.
    ///   - progress: Called as bytes arrive, from several threads.
    /// - Returns: The snapshot; a second call with nothing new only asks for the listing.
    /// - Throws: ``HubError``. What had arrived stays and is resumed by the next call.
    public func download(
        _ reference: HubReference, files: HubFiles = .folder,
        progress: @escaping @Sendable (HubProgress) -> Void = { _ in }
    ) async throws(HubError) -> HubSnapshot {
        let cache = HubCache(environment, reference)
        if environment.isOffline { return try cached(reference, files, cache) }
        let listing = try await session.listing(of: reference)
        let names = try files.select(
            from: listing.files.map(\.name), repository: reference.repository)
        let wanted = listing.files.filter { names.contains($0.name) }
        let meter = HubMeter(wanted, progress)
        try cache.attempt("make folders") {
            try cache.createFolder(cache.root.appending(path: "blobs"))
            try cache.createFolder(cache.snapshot(listing.commit))
        }
        try await downloadAll(wanted, reference, listing.commit, cache, meter)
        try cache.record(reference.revision, is: listing.commit)
        return HubSnapshot(
            folder: cache.snapshot(listing.commit), commit: listing.commit, files: names)
    }

    private func cached(
        _ reference: HubReference, _ files: HubFiles, _ cache: HubCache
    ) throws(HubError) -> HubSnapshot {
        guard let commit = cache.commit(of: reference.revision) else {
            throw .offline(reference.description)
        }
        do throws(HubError) {
            let names = try files.select(
                from: cache.files(of: commit), repository: reference.repository)
            return HubSnapshot(folder: cache.snapshot(commit), commit: commit, files: names)
        } catch {
            throw .offline("\(error)")
        }
    }

    private func downloadAll(
        _ files: [HubListing.File], _ reference: HubReference, _ commit: String,
        _ cache: HubCache, _ meter: HubMeter
    ) async throws(HubError) {
        let outcome: HubError? = await withTaskGroup(of: HubError?.self) { group in
            var waiting = files[...]
            func startNext() {
                guard let file = waiting.popFirst() else { return }
                group.addTask {
                    do throws(HubError) {
                        try await download(file, reference, commit, cache, meter)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            for _ in 0..<max(1, environment.parallelism) { startNext() }
            var first: HubError?
            while let error = await group.next() {
                if let error {
                    if first == nil { first = error }
                    group.cancelAll()
                } else if first == nil {
                    startNext()
                }
            }
            return first
        }
        if let outcome { throw outcome }
    }

    private func download(
        _ file: HubListing.File, _ reference: HubReference, _ commit: String, _ cache: HubCache,
        _ meter: HubMeter
    ) async throws(HubError) {
        let repository = reference.repository.split(separator: "/").map(String.init)
        let path = file.name.split(separator: "/").map(String.init)
        let url = try session.address(repository + ["resolve", commit] + path)
        var file = file
        if file.tag == nil { file = try await described(file, url, reference) }
        guard let tag = file.tag else { throw .badAnswer("\(file.name) has no entity tag") }
        let known = file
        if !cache.hasBlob(tag, size: file.size) {
            try await cache.locked(tag) { () async throws(HubError) in
                if cache.hasBlob(tag, size: known.size) { return }
                let download = HubFileDownload(
                    session: session, cache: cache, meter: meter, url: url, file: known, tag: tag,
                    what: "\(reference): \(known.name)")
                try await download.run()
            }
        }
        try cache.link(file.name, in: commit, to: tag)
        meter.complete(file.name, size: HubCache.size(of: cache.blob(tag)) ?? 0)
    }

    /// Asks for the tag and size of a file that the listing lacks.
    private func described(
        _ file: HubListing.File, _ url: URL, _ reference: HubReference
    ) async throws(HubError) -> HubListing.File {
        var attempt = 0
        while true {
            var request = session.request(url)
            request.httpMethod = "HEAD"
            let found = Mutex<HubListing.File?>(nil)
            let answer = try await session.followed(request, sink: nil) {
                (answer) throws(HubError) in
                guard let tag = answer.entityTag else { return }
                guard HubNames.isBlobName(tag) else {
                    throw .badAnswer("\(file.name) has the tag '\(tag)'")
                }
                let size =
                    answer.fields["x-linked-size"]
                    ?? (answer.status == 200 ? answer.fields["content-length"] : nil)
                found.withLock {
                    $0 = HubListing.File(name: file.name, size: size.flatMap { Int($0) }, tag: tag)
                }
            }
            if let described = found.withLock({ $0 }) { return described }
            if answer.failure == nil, answer.status == 200 {
                throw .badAnswer("\(file.name) has no entity tag")
            }
            try await session.pause(
                after: answer, attempt: attempt, url, of: "\(reference): \(file.name)")
            attempt += 1
        }
    }
}

/// Sums the progress of files that arrive side by side.
final class HubMeter: Sendable {
    private struct State {
        var bytes: [String: Int] = [:]
        var completedFiles = 0
    }

    private let state = Mutex(State())
    private let totalBytes: Int
    private let totalFiles: Int
    private let report: @Sendable (HubProgress) -> Void

    init(_ files: [HubListing.File], _ report: @escaping @Sendable (HubProgress) -> Void) {
        totalBytes = files.reduce(0) { $0 &+ ($1.size ?? 0) }
        totalFiles = files.count
        self.report = report
    }

    func set(_ file: String, bytes: Int) {
        update(file) { $0.bytes[file] = bytes }
    }

    func complete(_ file: String, size: Int) {
        update(file) { state in
            state.bytes[file] = size
            state.completedFiles += 1
        }
    }

    private func update(_ file: String, _ change: (inout State) -> Void) {
        let progress = state.withLock { state in
            change(&state)
            return HubProgress(
                file: file, completedBytes: state.bytes.values.reduce(0, &+),
                totalBytes: totalBytes, completedFiles: state.completedFiles,
                totalFiles: totalFiles)
        }
        report(progress)
    }
}
