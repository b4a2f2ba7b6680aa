import Foundation
import HalftoneFormats
import Testing

/// A format as `Tests/Reference/number_formats.py` has it.
struct FormatRecord {
    var name: String
    var overflow: Overflow
    var values: [Float]
    /// Inputs with their codes: all float16 numbers, common ones and the format's own.
    var encoded: [(value: Float, code: UInt8)]

    /// The records of the stored file.
    static func stored() throws -> [FormatRecord] {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/Formats/formats.bin")
        var file = [UInt8](try Data(contentsOf: url))[...]
        func number(_ bytes: Int) throws -> Int {
            try #require(file.count >= bytes)
            defer { file = file.dropFirst(bytes) }
            return file.prefix(bytes).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func floats(_ count: Int) throws -> [Float] {
            try (0..<count).map { _ in Float(bitPattern: UInt32(try number(4))) }
        }
        func codes(_ values: [Float]) throws -> [(value: Float, code: UInt8)] {
            try values.map { ($0, UInt8(try number(1))) }
        }
        let common = try floats(try number(2))
        var records: [FormatRecord] = []
        while !file.isEmpty {
            let length = try number(1)
            let name = String(decoding: file.prefix(length), as: UTF8.self)
            file = file.dropFirst(length)
            let overflow: Overflow = try number(1) == 1 ? .special : .saturate
            let values = try floats(try number(2))
            var encoded: [(value: Float, code: UInt8)] = []
            var pattern = 0
            for _ in 0..<(try number(2)) {
                let code = UInt8(try number(1))
                for _ in 0...(try number(2)) {
                    encoded.append((SmallFloat.float16(UInt16(pattern)), code))
                    pattern += 1
                }
            }
            try #require(pattern == 65536)
            encoded += try codes(common)
            encoded += try codes(try floats(try number(2)))
            records.append(
                FormatRecord(name: name, overflow: overflow, values: values, encoded: encoded))
        }
        return records
    }
}

/// A repeatable source of random bits.
struct TestGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
