import Foundation

/// What `run.json` states.
struct RunManifest: Codable {
    /// The version of the folder's layout.
    static let knownFormat = 1

    var format: Int
    var kind: String
    var recipeFile: String
    var recipeDigest: String
    var units: [String]

    static func read(
        _ path: String, _ fileSystem: any RunFileSystem
    ) throws -> RunManifest {
        struct Format: Decodable { var format: Int }
        let file = path + "/" + RunLayout.manifest
        let data = Data(try fileSystem.read(file))
        do {
            let format = try JSONDecoder().decode(Format.self, from: data).format
            guard format <= knownFormat else {
                throw RunError.newerFormat(path: path, found: format, known: knownFormat)
            }
            return try JSONDecoder().decode(RunManifest.self, from: data)
        } catch is DecodingError {
            throw RunError.damaged(path: file, reason: "it does not state what a run states")
        }
    }
}

/// Where things lie in the folder of a run.
enum RunLayout {
    static let manifest = "run.json"
    static let log = "log.jsonl"
    static let pending = "units/pending"
    static let claimed = "units/claimed"
    static let done = "units/done"
    static let failed = "units/failed"
    static let workers = "workers"
    static let checkpoints = "checkpoints"
    static let lock = "lock"
    static let freeLock = "lock/free"
    /// Parents before children.
    static let folders = [
        "units", pending, claimed, done, failed, workers, checkpoints, lock, freeLock,
    ]

    /// A unit's name as a file name: bytes other than letters, digits, `_`, `.` and `+` as `%2F`.
    ///
    /// - Throws: ``RunError/badUnitName(_:reason:)``.
    static func encode(_ name: String) throws -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-".utf8)
        var result: [UInt8] = []
        for (index, byte) in name.utf8.enumerated() {
            if plain.contains(byte), index > 0 || byte != UInt8(ascii: ".") {
                result.append(byte)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += Array("%\(digits.count < 2 ? "0" : "")\(digits)".utf8)
            }
        }
        if result.isEmpty { throw RunError.badUnitName(name, reason: "it is empty") }
        // 255 bytes is the usual limit; the owner's name follows after an `@`.
        if result.count > 180 { throw RunError.badUnitName(name, reason: "it is too long") }
        return String(decoding: result, as: UTF8.self)
    }
}

/// JSON as runs write it: keys sorted, so that equal values are equal bytes.
enum RunJSON {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .halftone
        return Array(try encoder.encode(value))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .halftone
        return try decoder.decode(type, from: Data(bytes))
    }
}
