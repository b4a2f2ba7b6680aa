import Foundation
import Synchronization

/// A line of a run's log.
public struct RunEvent: Sendable, Codable, Equatable {
    /// When, as ISO 8601 with milliseconds in UTC.
    public var time: String
    /// Which worker.
    public var owner: String
    /// What happened: `done`, `failed`, `taken over`, or a word of the command.
    public var event: String
    /// To which unit, if to one.
    public var unit: String?
    /// More about it.
    public var message: String?
}

extension Run {
    /// Adds a line to `log.jsonl`, which all workers share.
    ///
    /// The log is for people: nothing depends on it, and a line that cannot be written is dropped.
    public func note(_ event: String, unit: String? = nil, message: String? = nil) {
        let time = Date().formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true))
        let line = RunEvent(
            time: time, owner: options.owner.description, event: event, unit: unit,
            message: message)
        state.withLock { state in
            let log =
                state.log ?? JSONLinesWriter(path: place(RunLayout.log), fileSystem: fileSystem)
            state.log = log
            try? log.append(RunJSON.encode(line))
        }
    }

    /// The lines of the log, and how many could not be read.
    ///
    /// - Throws: ``FileSystemError``.
    public func events() throws -> (events: [RunEvent], brokenLineCount: Int) {
        guard try fileSystem.status(place(RunLayout.log)) != nil else { return ([], 0) }
        let (events, broken) = JSONLines.decode(
            RunEvent.self, from: try fileSystem.read(place(RunLayout.log)))
        return (events, broken)
    }
}
