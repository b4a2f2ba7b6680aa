import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// A folder that is removed with its contents when the value goes.
final class ScratchFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "halftone-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func read(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path + "/" + name).map { Array($0) }
    }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(
            atPath: path + "/" + name, withIntermediateDirectories: true)
    }

    func link(_ name: String, to destination: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: path + "/" + name, withDestinationPath: destination)
    }
}

/// Bytes of a safetensors file from a header's text and a number of data bytes.
func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + header.utf8 + counting(data)
}

/// The bytes 0, 1, 2 … 255, 0 … in a row.
func counting(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Puts GGUF files together field by field, wrong ones too.
struct GGUFBuilder {
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var keyCount: UInt64?
    var entries: [[UInt8]] = []
    var descriptions: [[UInt8]] = []
    var alignment = 32
    var dataByteCount = 0

    static func string(_ text: String) -> [UInt8] {
        littleEndian(UInt64(text.utf8.count)) + text.utf8
    }

    mutating func add(_ key: String, type: Int32, _ value: [UInt8]) {
        entries.append(Self.string(key) + littleEndian(type) + value)
    }

    mutating func addTensor(
        _ name: String, _ dimensions: [Int64], type: Int32 = 0, offset: UInt64 = 0,
        rank: UInt32? = nil
    ) {
        descriptions.append(
            Self.string(name) + littleEndian(rank ?? UInt32(dimensions.count))
                + dimensions.flatMap { littleEndian($0) } + littleEndian(type)
                + littleEndian(offset))
    }

    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + littleEndian(version)
        bytes += littleEndian(tensorCount ?? UInt64(descriptions.count))
        bytes += littleEndian(keyCount ?? UInt64(entries.count))
        for entry in entries { bytes += entry }
        for description in descriptions { bytes += description }
        while bytes.count % alignment != 0 { bytes.append(0) }
        return bytes + counting(dataByteCount)
    }
}
