import Foundation
import HalftoneKernels
import HalftoneTensor
import Testing

/// Codes as weights have them, some rows wider than others.
private func bellCodes(rows: Int, columns: Int, middle: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows).flatMap { row -> [UInt8] in
        let width = 0.5 + Double(row % 7)
        return (0..<columns).map { _ in
            let sum = (0..<6).reduce(0.0) { sum, _ in
                sum + Double.random(in: -1...1, using: &generator)
            }
            return UInt8(min(max(middle + Int((sum * width).rounded()), 0), 2 * middle - 1))
        }
    }
}

private func entropy(_ codes: [UInt8]) -> Double {
    var counts = [Int](repeating: 0, count: 256)
    for code in codes { counts[Int(code)] += 1 }
    return counts.reduce(0) { sum, count in
        count == 0 ? sum : sum - Double(count) * log2(Double(count) / Double(codes.count))
    }
}

@Suite struct CodedRowsTests {
    @Test(arguments: [(1, 1), (1, 7), (3, 5), (64, 576), (300, 1000), (1000, 33), (2, 70_000)])
    func codesComeBack(rows: Int, columns: Int) {
        for codes in [
            bellCodes(rows: rows, columns: columns, middle: 128, seed: 1),
            [UInt8](repeating: 3, count: rows * columns),
            randomCodes(rows * columns, bits: 8, seed: 2),
        ] {
            let bytes = CodedRows.encode(codes, rows: rows, columns: columns)
            #expect(
                CodedRows.decode(Bytes(bytes), rows: rows, columns: columns, below: 256) == codes)
        }
    }

    /// What the coder adds to the entropy of symbols is a few bytes, and rows that differ take less
    /// than one table for all would let them.
    @Test func bytesAreThoseOfTheEntropy() throws {
        let even = bellCodes(rows: 7, columns: 30_000, middle: 64, seed: 3)
        let one = Array(even[30_000..<60_000])
        let alone = CodedRows.encode(one, rows: 1, columns: 30_000)
        #expect(Double(8 * alone.count) > entropy(one))
        #expect(Double(alone.count) < entropy(one) / 8 * 1.002 + 64)
        let rows = bellCodes(rows: 700, columns: 300, middle: 64, seed: 4)
        let bytes = CodedRows.encode(rows, rows: 700, columns: 300)
        #expect(Double(bytes.count) < entropy(rows) / 8 * 0.97)
    }

    @Test func theThreadsDoNotMatter() {
        let codes = bellCodes(rows: 500, columns: 576, middle: 8, seed: 5)
        func bytes(_ threads: Int) -> [UInt8] {
            CodedRows.encode(
                codes, rows: 500, columns: 576, pool: WorkerPool(threads: threads))
        }
        #expect(bytes(1) == bytes(3))
    }

    /// The layout, written down by hand: four codes 2 of a row, which take no words.
    @Test func theLayoutIsTheDocumentedOne() {
        let bytes = CodedRows.encode([2, 2, 2, 2], rows: 1, columns: 4)
        let states = [UInt8]([0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0])
        #expect(bytes == [1, 2, 0, 0x80, 0x80, 0x01, 16, 0, 0, 0] + states)
    }

    @Test func damageIsFoundOrGivesCodes() {
        let codes = bellCodes(rows: 40, columns: 100, middle: 8, seed: 6)
        let bytes = CodedRows.encode(codes, rows: 40, columns: 100)
        func decode(_ bytes: [UInt8]) -> [UInt8]? {
            CodedRows.decode(Bytes(bytes), rows: 40, columns: 100, below: 16)
        }
        #expect(decode(bytes) == codes)
        for count in 0..<bytes.count { #expect(decode(Array(bytes.prefix(count))) == nil) }
        #expect(decode(bytes + [0]) == nil)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            if let found = decode(damaged) {
                #expect(found.count == codes.count && found.allSatisfy { $0 < 16 })
            }
        }
        // Codes that a format does not have, and rows that so few bytes cannot hold.
        #expect(CodedRows.decode(Bytes(bytes), rows: 40, columns: 100, below: 8) == nil)
        #expect(CodedRows.decode(Bytes(bytes), rows: 1 << 40, columns: 1 << 20, below: 16) == nil)
        #expect(CodedRows.decode(Bytes(bytes), rows: 1 << 20, columns: 1000, below: 16) == nil)
    }

    @Test func tablesAddUp() throws {
        for counts in [[1, 0, 1_000_000], [Int](repeating: 1, count: 256), [5], [0, 0, 3, 1]] {
            let table = FrequencyTable(counts: counts)
            #expect(table.frequencies.reduce(0, +) == FrequencyTable.total)
            for (count, frequency) in zip(counts, table.frequencies) {
                #expect((count > 0) == (frequency > 0))
            }
            #expect(FrequencyTable(frequencies: table.frequencies) == table)
        }
        #expect(FrequencyTable(frequencies: [1, 2]) == nil)
    }
}
