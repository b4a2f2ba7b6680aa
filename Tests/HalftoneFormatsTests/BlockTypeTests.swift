import HalftoneFormats
import Testing

@Suite("Block types of GGUF")
struct BlockTypeTests {
    /// Id, name, elements and bytes of a block, and bits per weight as published.
    static let published: [(id: Int32, name: String, block: Int, bytes: Int, bits: Double)] = [
        (0, "F32", 1, 4, 32), (1, "F16", 1, 2, 16), (2, "Q4_0", 32, 18, 4.5),
        (3, "Q4_1", 32, 20, 5), (6, "Q5_0", 32, 22, 5.5), (7, "Q5_1", 32, 24, 6),
        (8, "Q8_0", 32, 34, 8.5), (9, "Q8_1", 32, 36, 9), (10, "Q2_K", 256, 84, 2.625),
        (11, "Q3_K", 256, 110, 3.4375), (12, "Q4_K", 256, 144, 4.5), (13, "Q5_K", 256, 176, 5.5),
        (14, "Q6_K", 256, 210, 6.5625), (15, "Q8_K", 256, 292, 9.125),
        (16, "IQ2_XXS", 256, 66, 2.0625), (17, "IQ2_XS", 256, 74, 2.3125),
        (18, "IQ3_XXS", 256, 98, 3.0625), (19, "IQ1_S", 256, 50, 1.5625),
        (20, "IQ4_NL", 32, 18, 4.5), (21, "IQ3_S", 256, 110, 3.4375),
        (22, "IQ2_S", 256, 82, 2.5625), (23, "IQ4_XS", 256, 136, 4.25), (24, "I8", 1, 1, 8),
        (25, "I16", 1, 2, 16), (26, "I32", 1, 4, 32), (27, "I64", 1, 8, 64), (28, "F64", 1, 8, 64),
        (29, "IQ1_M", 256, 56, 1.75), (30, "BF16", 1, 2, 16), (34, "TQ1_0", 256, 54, 1.6875),
        (35, "TQ2_0", 256, 66, 2.0625), (39, "MXFP4", 32, 17, 4.25), (40, "NVFP4", 64, 36, 4.5),
        (41, "Q1_0", 128, 18, 1.125), (42, "Q2_0", 64, 18, 2.25),
    ]

    @Test("every type has the published id, name and size")
    func everyTypeIsAsPublished() throws {
        #expect(BlockType.allCases.map(\.rawValue) == Self.published.map(\.id))
        for row in Self.published {
            let type = try #require(BlockType(rawValue: row.id), "no type with id \(row.id)")
            #expect(type.name == row.name)
            #expect(type.blockSize == row.block, "\(row.name)")
            #expect(type.bytesPerBlock == row.bytes, "\(row.name)")
            #expect(type.bitsPerWeight == row.bits, "\(row.name)")
            #expect(type.isPlain == (row.block == 1), "\(row.name)")
        }
    }

    @Test("names are found in any case, and nothing else is")
    func namesAreFound() {
        for type in BlockType.allCases {
            #expect(BlockType(named: type.name) == type)
            #expect(BlockType(named: type.name.lowercased()) == type)
        }
        for name in ["", "Q4", "Q4_2", "Q4_K_M", " Q4_0", "I2_S"] {
            #expect(BlockType(named: name) == nil, "\(name)")
        }
    }

    @Test(
        "a removed id is refused as removed, any other as foreign",
        arguments: [4, 5, 31, 32, 33, 36, 37, 38])
    func removedTypesAreNamed(id: Int32) {
        #expect(BlockType(rawValue: id) == nil)
        let reason = BlockType.reasonForRefusing(id: id)
        #expect(reason.contains("removed") && reason.contains("\(id)"))
    }

    @Test(
        "ids beyond the table are refused as a fork's or damage",
        arguments: [-1, 43, 99, Int32.max, Int32.min])
    func foreignTypesAreNamed(id: Int32) {
        #expect(BlockType(rawValue: id) == nil)
        let reason = BlockType.reasonForRefusing(id: id)
        #expect(reason.contains("fork") && reason.contains("\(id)"))
    }
}
