import Foundation
import Synchronization

/// What was measured at one step.
///
/// On its line, values stand beside the step and what depends on the clock stands apart:
/// `{"step":20,"learningRate":0.001,"loss":2.5,"timing":{"tokensPerSecond":8123.5}}`. Infinity and
/// NaN are the strings `inf`, `-inf` and `nan`.
public struct MetricsRecord: Sendable, Equatable {
    /// The step, counted from 1.
    public var step: Int
    /// What a repetition measures again: loss, learning rate.
    public var values: [String: Double]
    /// What it does not: seconds, tokens per second, peak memory.
    public var timing: [String: Double]

    /// States what was measured; `step` and `timing` cannot name a value.
    public init(step: Int, values: [String: Double], timing: [String: Double] = [:]) {
        self.step = step
        self.values = values
        self.timing = timing
    }
}

/// A file of measurements that a resumed job goes on with as if it had never stopped.
///
/// Get one with ``RunLock/metrics(named:through:)``. Lines reach the disk at each checkpoint, or
/// with ``synchronize()``.
public final class MetricsLog: Sendable {
    /// The file.
    public let path: String
    private let fileSystem: any RunFileSystem
    private let writer: Mutex<JSONLinesWriter>

    init(path: String, through step: Int, fileSystem: any RunFileSystem) throws {
        self.path = path
        self.fileSystem = fileSystem
        if try fileSystem.status(path) != nil {
            let bytes = try fileSystem.read(path)
            let kept = Self.prefix(of: bytes, through: step)
            if kept < bytes.count {
                try AtomicFile.write(Array(bytes[..<kept]), to: path, fileSystem: fileSystem)
            }
        }
        writer = Mutex(JSONLinesWriter(path: path, fileSystem: fileSystem))
    }

    /// Adds a line.
    ///
    /// - Throws: ``FileSystemError``, `EncodingError`.
    public func append(_ record: MetricsRecord) throws {
        let line = try RunJSON.encode(record)
        try writer.withLock { try $0.append(line) }
    }

    /// Puts all lines on the disk.
    ///
    /// - Throws: ``FileSystemError``.
    public func synchronize() throws { try writer.withLock { try $0.synchronize() } }

    /// All lines of the file, without one that a crash tore.
    ///
    /// - Throws: ``FileSystemError``.
    public func records() throws -> [MetricsRecord] {
        try Self.records(at: path, fileSystem: fileSystem)
    }

    /// All lines of a file of metrics, for a chart.
    ///
    /// - Throws: ``FileSystemError``.
    public static func records(
        at path: String, fileSystem: any RunFileSystem = LocalFileSystem()
    ) throws -> [MetricsRecord] {
        guard try fileSystem.status(path) != nil else { return [] }
        return JSONLines.decode(MetricsRecord.self, from: try fileSystem.read(path)).values
    }

    /// How many bytes hold whole lines up to a step.
    private static func prefix(of bytes: [UInt8], through step: Int) -> Int {
        var end = 0
        while let newline = bytes[end...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(bytes[end..<newline])
            guard let record = try? RunJSON.decode(MetricsRecord.self, from: line),
                record.step <= step
            else { break }
            end = newline + 1
        }
        return end
    }
}

extension MetricsRecord: Codable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
        static let step = Key(stringValue: "step")
        static let timing = Key(stringValue: "timing")
    }

    /// Reads a line.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        step = try container.decode(Int.self, forKey: .step)
        timing = try container.decodeIfPresent([String: Double].self, forKey: .timing) ?? [:]
        values = [:]
        for key in container.allKeys where key.stringValue != "step" && key.stringValue != "timing"
        {
            values[key.stringValue] = try container.decode(Double.self, forKey: key)
        }
    }

    /// Writes a line.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (name, value) in values { try container.encode(value, forKey: Key(stringValue: name)) }
        try container.encode(step, forKey: .step)
        if !timing.isEmpty { try container.encode(timing, forKey: .timing) }
    }
}
