import Foundation
import HalftoneFiles
import HalftoneText

/// The stored strings, tokenizers and results of `Tests/Reference/tokenizer_fixtures.py`.
enum TokenizerFixtures {
    /// The small tokenizers, one per family.
    static let families = [
        "gpt2", "llama3", "qwen2", "smollm", "gpt4o", "roberta", "llama2", "gemma", "unigram",
        "unigram-plain", "wordpiece", "clip",
    ]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Tokenizers")

    /// The strings, some of which are not UTF-8.
    static let strings: [[UInt8]] = {
        let data = (try? [UInt8](Data(contentsOf: folder.appending(path: "strings.bin")))) ?? []
        var strings: [[UInt8]] = []
        var index = 0
        while index + 2 <= data.count {
            let count = Int(data[index]) | Int(data[index + 1]) << 8
            strings.append(Array(data[index + 2..<index + 2 + count]))
            index += 2 + count
        }
        return strings
    }()

    static func json(_ name: String) throws -> JSONValue {
        try JSONParser.parse([UInt8](Data(contentsOf: folder.appending(path: "\(name).json"))))
    }

    /// Little-endian 32-bit values.
    static func digests(_ name: String) throws -> [UInt32] {
        let data = try [UInt8](Data(contentsOf: folder.appending(path: "\(name).digests")))
        return stride(from: 0, to: data.count - 3, by: 4).map { at in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[at + $1]) << (8 * UInt32($1)) }
        }
    }

    /// The two digests of a string, as the script computes them.
    static func digests(_ string: [UInt8], _ tokenizer: Tokenizer) -> (ids: UInt32, text: UInt32) {
        let parsed = tokenizer.encode(string, addSpecialTokens: false, parseSpecial: true)
        let wrapped = tokenizer.encode(string, addSpecialTokens: true, parseSpecial: false)
        var ids = CRC32()
        ids.update(parsed)
        ids.update(wrapped)
        var text = CRC32()
        text.update(Array(tokenizer.decode(parsed, skipSpecial: false).utf8))
        text.update([UInt8(0)])
        text.update(Array(tokenizer.decode(wrapped, skipSpecial: true).utf8))
        return (ids.value, text.value)
    }
}

/// The checksum of zlib's `crc32`.
struct CRC32 {
    private static let table: [UInt32] = (UInt32(0)..<256).map { byte in
        (0..<8).reduce(byte) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }

    private var state: UInt32 = .max
    var value: UInt32 { ~state }

    mutating func update(_ bytes: [UInt8]) {
        for byte in bytes {
            state = state >> 8 ^ Self.table[Int((state ^ UInt32(byte)) & 0xFF)]
        }
    }

    /// The number of ids and the ids, 32 bits each.
    mutating func update(_ ids: [Int32]) {
        for id in [Int32(ids.count)] + ids {
            update((0..<4).map { UInt8(truncatingIfNeeded: id >> ($0 * 8)) })
        }
    }
}
