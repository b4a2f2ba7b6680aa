import Foundation
import HalftoneFormats
import HalftoneKernels
import Testing

/// A record of `Tests/Reference/gguf_blocks.py`: bytes and values that belong together.
struct BlockRecord {
    /// Whether the values were encoded to the bytes; otherwise the bytes were decoded.
    var isEncoded: Bool
    var type: BlockType
    var bytes: [UInt8]
    var values: [Float]

    /// The records of a file.
    static func read(_ url: URL) throws -> [BlockRecord] {
        let file = Bytes([UInt8](try Data(contentsOf: url)))
        var records: [BlockRecord] = []
        var offset = 0
        while offset < file.count {
            let head = (0..<4).map { file.load(UInt32.self, at: offset + 4 * $0) }
            let type = try #require(BlockType(rawValue: Int32(head[1])))
            let bytes = offset + 16..<offset + 16 + Int(head[2])
            let values = (0..<Int(head[3])).map {
                Float(bitPattern: file.load(UInt32.self, at: bytes.upperBound + 4 * $0))
            }
            records.append(
                BlockRecord(
                    isEncoded: head[0] == 1, type: type, bytes: file[bytes].array, values: values))
            offset = bytes.upperBound + 4 * values.count
        }
        return records
    }
}

/// The repository's `Tests` folder.
let testsFolder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()

/// The Python that has the reference packages.
let python = ProcessInfo.processInfo.environment["HALFTONE_PYTHON"] ?? "python3"

/// Runs the reference Python; false when it fails or does not exist.
func runPython(_ arguments: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python] + arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    do { try process.run() } catch { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}

/// A repeatable source of numbers for tests.
struct TestGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &self) }
    }
}

/// Every type that holds weights.
let weightTypes = BlockType.allCases.filter { $0 != .q8_1 && $0 != .q8_K }

/// Where binary16 scales lie in a block: those that multiply codes, and those of offsets.
func scaleOffsets(_ type: BlockType) -> (scales: [Int], offsets: [Int]) {
    switch type {
    case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S,
        .iq1_S, .q1_0, .q2_0:
        ([0], [])
    case .q4_1, .q5_1, .q4_K, .q5_K: ([0], [2])
    case .q2_K: ([80], [82])
    case .q3_K: ([108], [])
    case .q6_K: ([208], [])
    case .tq1_0: ([52], [])
    case .tq2_0: ([64], [])
    default: ([], [])
    }
}

/// The element of the first difference in bits; NaNs are equal to each other.
func firstDifference(_ found: [Float], _ wanted: [Float]) -> String? {
    guard found.count == wanted.count else { return "\(found.count) values, not \(wanted.count)" }
    for index in found.indices where found[index].bitPattern != wanted[index].bitPattern {
        if found[index].isNaN && wanted[index].isNaN { continue }
        return "element \(index) is \(found[index]), not \(wanted[index])"
    }
    return nil
}
