import HalftoneCheckpoints
import HalftoneFiles
import HalftoneKernels
import Testing

/// Every layout and variant, held to what the program that packed it reads.
struct ModuleTests {
    private static let names = (try? CheckpointFixtures.shared.get().names) ?? []

    private func matrix(
        _ name: String, _ fixtures: CheckpointFixtures
    ) throws -> any WeightMatrix {
        let layout = try #require(
            try PackedCheckpoints.open(.init(configuration: fixtures.configuration(name))))
        return try #require(try layout.matrix(of: name, in: fixtures.archive))
    }

    @Test func thereAreFixturesOfEveryLayout() throws {
        let names = try CheckpointFixtures.shared.get().names
        for prefix in ["gptq-", "gptq_v2-", "gptq_p-", "awq", "pack", "bnb", "mlx", "fp8"] {
            #expect(names.contains { $0.hasPrefix(prefix) }, "none begins with \(prefix)")
        }
    }

    @Test(arguments: names)
    func valuesEqualThoseOfTheProgram(name: String) throws {
        let fixtures = try CheckpointFixtures.shared.get()
        let found = try matrix(name, fixtures)
        let expected = try #require(fixtures.expected(name))
        #expect([found.rows, found.columns] == expected.shape)
        let values = found.decoded()
        let wanted = expected.floats
        try #require(values.count == wanted.count)
        let largest = wanted.map(\.magnitude).max() ?? 0
        // Scale times a difference of codes is one product, rounded once by both. MLX adds a bias
        // to a product where we divide, subtract and multiply: four roundings of numbers up to
        // twice the largest value. Nested scales of bitsandbytes are a product and a sum, which
        // a fused instruction rounds once. 8-bit integers divide by 127 before or after.
        let tolerance =
            name.hasPrefix("mlx")
            ? largest * 8 * 0x1p-24
            : name.hasPrefix("bnb") ? largest * 2 * 0x1p-23 : 0
        let worst = zip(values, wanted).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= tolerance, "off by \(worst), largest value \(largest)")
    }

    @Test(arguments: names)
    func bytesAreThoseOfTheFile(name: String) throws {
        let fixtures = try CheckpointFixtures.shared.get()
        let bytes = fixtures.tensors(name).reduce(0) { $0 + $1.bytes.count }
        #expect(try matrix(name, fixtures).byteCount == bytes)
    }

    @Test(arguments: names)
    func productsEqualThoseOfTheValues(name: String) throws {
        let found = try matrix(name, try CheckpointFixtures.shared.get())
        let values = found.decoded()
        let input = (0..<found.columns).map { Float(($0 * 37 + 11) % 64) / 32 - 1 }
        for (row, product) in found.products(with: input).enumerated() {
            var sum = 0.0
            var size = 0.0
            for column in 0..<found.columns {
                let term = Double(values[row * found.columns + column]) * Double(input[column])
                sum += term
                size += abs(term)
            }
            // Float32 sums of up to 128 terms, with the zero point taken off apart: the codes less
            // their middle are up to as large again as the values, so twice 128 · 2^−24.
            #expect(abs(Double(product) - sum) <= size * 256 * 0x1p-24 + 1e-6, "row \(row)")
        }
    }

    @Test(arguments: names)
    func rowsCanBeGathered(name: String) throws {
        let found = try matrix(name, try CheckpointFixtures.shared.get())
        let order = [found.rows - 1, 0, 3, 3]
        let gathered = found.gatheringRows(order)
        let values = found.decoded()
        let wanted = order.flatMap { values[$0 * found.columns..<($0 + 1) * found.columns] }
        #expect(gathered.decoded() == wanted)
        #expect(gathered.rows == 4 && gathered.columns == found.columns)
    }
}
