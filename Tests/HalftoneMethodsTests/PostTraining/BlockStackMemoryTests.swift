import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// What is in the memory of this process, to the page.
private func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Rss:") })
    return try #require(Int(line.filter(\.isNumber))) * 1024
}

/// Loads a stack and goes through all pages of its matrices, as products do.
private func loaded(_ path: String, within budget: Int) throws -> [any WeightMatrix] {
    let matrices = try BlockStack(contentsOf: path, within: budget).matrices.values
        .map { try $0.matrix() }
    for matrix in matrices {
        var values = [Float](repeating: 0, count: matrix.columns)
        // A page holds the signs of 32 rows.
        for row in stride(from: 0, to: matrix.rows, by: 16) {
            matrix.decode(row: row, into: &values)
        }
    }
    return matrices
}

@Suite(
    "Memory of block stacks",
    .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/smaps_rollup"), "needs /proc"))
struct BlockStackMemoryTests {
    /// 16 matrices of 6 blocks with random signs and factors, 30 MB.
    private func stack() throws -> BlockStack {
        var generator = SeededGenerator(seed: 1)
        let members = try (0..<16).map { index in
            let blocks = try (0..<6).map { _ in
                try StoredMatrix(form: .signedLowRank(8), rows: 2048, columns: 1024) { layout in
                    Bytes(count: layout.byteCount) { span in
                        for offset in stride(from: 0, to: layout.byteCount, by: 8) {
                            // Binary16 numbers below 2.
                            span.storeBytes(
                                of: generator.next() & 0xBFFF_BFFF_BFFF_BFFF,
                                toByteOffset: offset, as: UInt64.self)
                        }
                    }
                }
            }
            return BlockStack.Member("layer.\(index)", blocks: blocks)
        }
        return try BlockStack(members, order: (1..<6).flatMap { _ in Array(0..<16) })
    }

    @Test("what stays in memory is the budget")
    func residentIsTheBudget() async throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-memory-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let stack = try stack()
        try stack.write(to: path)
        #expect(stack.byteCount == 96 * (2048 * 128 + 2 * 8 * (2048 + 1024)))
        // In a process of its own, where no other test takes memory.
        await #expect(processExitsWith: .success) { [path = path as String] in
            let whole = try BlockStack(contentsOf: path)
            let (least, most) = (whole.runningTotals[0], whole.byteCount)
            // Code and what is made once.
            _ = try loaded(path, within: least)
            for step in 0..<20 {
                let budget = least + step * (most - least) / 19
                let before = try residentBytes()
                let matrices = try loaded(path, within: budget)
                let grown = try residentBytes() - before
                // A block of 0.31 MB may be left out; and pages, an index of names, a row.
                #expect((grown - budget).magnitude < 1_000_000, "\(grown) bytes for \(budget)")
                #expect(matrices.count == 16)
            }
        }
    }
}
