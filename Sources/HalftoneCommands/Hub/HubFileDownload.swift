import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Brings one file into the cache: resumes, retries, checks and puts it in place.
struct HubFileDownload: Sendable {
    let session: HubSession
    let cache: HubCache
    let meter: HubMeter
    let url: URL
    let file: HubListing.File
    let tag: String
    /// How errors name it.
    let what: String

    /// Downloads until the file is whole and right.
    func run() async throws(HubError) {
        let partial = cache.incomplete(tag)
        var attempt = 0
        var lastCount = -1
        while true {
            let start = try prepared(partial)
            if let size = file.size, start == size, size > 0 || lastCount >= 0 { break }
            // Progress is worth another try: only standing still uses them up.
            if start > lastCount, lastCount >= 0 { attempt = 0 }
            lastCount = start
            let answer = try await transfer(to: partial, from: start)
            let count = HubCache.size(of: partial) ?? 0
            let isWhole = file.size.map { $0 == count } ?? (answer.failure == nil)
            if answer.status == 416 {
                try cache.attempt("drop \(tag)") {
                    try FileManager.default.removeItem(at: partial)
                }
            } else if answer.status == 200 || answer.status == 206 {
                if isWhole { break }
                if let size = file.size, count > size {
                    try? FileManager.default.removeItem(at: partial)
                    throw .badAnswer("\(what) has more than the \(size) bytes that are listed")
                }
            }
            var passing = answer
            if passing.failure == nil, answer.status < 300 || answer.status == 416 {
                passing.failure = "the connection ended early"
            }
            try await session.pause(after: passing, attempt: attempt, url, of: what)
            attempt += 1
        }
        try verify(partial)
        try cache.attempt("place \(tag)") {
            let blob = cache.blob(tag)
            if FileManager.default.fileExists(atPath: blob.path) {
                try FileManager.default.removeItem(at: blob)
            }
            try FileManager.default.moveItem(at: partial, to: blob)
        }
    }

    /// The bytes that an earlier try left; a file that is too long is begun anew.
    private func prepared(_ partial: URL) throws(HubError) -> Int {
        try cache.attempt("prepare \(tag)") {
            if let count = HubCache.size(of: partial) {
                if let size = file.size, count > size {
                    try FileManager.default.removeItem(at: partial)
                } else {
                    return count
                }
            }
            try Data().write(to: partial)
            return 0
        }
    }

    private func transfer(to partial: URL, from start: Int) async throws(HubError) -> HubAnswer {
        var request = session.request(url)
        if start > 0 { request.setValue("bytes=\(start)-", forHTTPHeaderField: "Range") }
        let handle = try cache.attempt("open \(tag)") { try FileHandle(forWritingTo: partial) }
        defer { try? handle.close() }
        let position = Mutex<Int?>(nil)
        let limit = file.size
        let (meter, name, what) = (self.meter, file.name, self.what)
        let sink = HubTransfer.Sink { answer in
            answer.status == 200 || (answer.status == 206 && Self.rangeStart(answer) == start)
        } write: { data, answer in
            try position.withLock { position in
                // The first bytes say whether the server resumes or begins anew.
                var end = position ?? (answer.status == 206 ? start : 0)
                if position == nil { try handle.truncate(atOffset: UInt64(end)) }
                end += data.count
                if let limit, end > limit { throw HubError.badAnswer("\(what) is too long") }
                try handle.write(contentsOf: data)
                position = end
                meter.set(name, bytes: end)
            }
        }
        let answer = try await session.followed(request, sink: sink) {
            (answer) throws(HubError) in
            guard let found = answer.entityTag, found != tag else { return }
            throw .badAnswer("\(what) changed on the hub while it was downloaded; try again")
        }
        if answer.status == 206, Self.rangeStart(answer) != start {
            throw .badAnswer("\(what): the server resumes at another byte than was asked")
        }
        return answer
    }

    private static func rangeStart(_ answer: HubAnswer) -> Int? {
        guard let range = answer.fields["content-range"], range.hasPrefix("bytes ") else {
            return nil
        }
        return Int(range.dropFirst(6).prefix { $0.isNumber })
    }

    /// Compares the checksum with the tag, which is one for all files of the hub itself.
    private func verify(_ partial: URL) throws(HubError) {
        let count = HubCache.size(of: partial) ?? 0
        if let size = file.size, size != count {
            throw .checksum(file: what, expected: "\(size) bytes", found: "\(count) bytes")
        }
        var found = tag
        if HubNames.isChecksum(tag, digits: 64) {
            found = try FileDigest.hexadecimal(of: partial, .sha256)
        } else if HubNames.isChecksum(tag, digits: 40) {
            found = try FileDigest.hexadecimal(of: partial, .sha1, after: "blob \(count)\0")
        }
        guard found == tag else {
            try? FileManager.default.removeItem(at: partial)
            throw .checksum(file: what, expected: tag, found: found)
        }
    }
}

/// Checksums of files.
enum FileDigest {
    /// The sum of a file's bytes, after some text, in hexadecimal digits.
    static func hexadecimal(
        of url: URL, _ algorithm: Digest.Algorithm, after prefix: String = ""
    ) throws(HubError) -> String {
        guard var digest = Digest(algorithm) else { throw .cache("no memory for a checksum") }
        digest.update(Array(prefix.utf8))
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
                digest.update([UInt8](data))
            }
        } catch {
            throw .cache("cannot read \(url.path): \(error.localizedDescription)")
        }
        return digest.hexadecimal()
    }
}
