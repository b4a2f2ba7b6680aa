import HalftoneCompression
import HalftoneFormats
import HalftoneModels
import HalftoneQuantization
import Testing

/// Mixtures of GGUF types.
struct GGUFPresetTests {
    /// The shapes of SmolLM2-135M: 30 blocks of width 576, or of 768.
    private func spec(width: Int) throws -> DecoderSpec {
        var spec = try modelFixture("smollm2").spec
        var block = try #require(spec.blocks.first)
        (spec.width, spec.vocabularySize, spec.isHeadTied) = (width, 49152, true)
        (block.attention.heads, block.attention.keyHeads) = (width / 64, width / 192)
        (block.attention.headDim, block.mlp.hiddenWidth) = (64, 1536)
        spec.blocks = Array(repeating: block, count: 30)
        return spec
    }

    private func counts(_ preset: GGUFPreset, width: Int) throws -> [BlockType: Int] {
        let recipe = preset.recipe(for: try spec(width: width))
        var counts: [BlockType: Int] = [:]
        for case .blocks(let type) in recipe.overrides.values { counts[type, default: 0] += 1 }
        return counts
    }

    /// How many matrices have which type in the files of llama-quantize for this model, and for the
    /// same padded to a width that blocks of 256 divide.
    @Test(
        arguments: [
            (.q2_K, [.q2_K: 120, .q3_K: 90, .q6_K: 1], [.q4_0: 180, .q3_K: 30, .q8_0: 1]),
            (.q3_KSmall, [.q3_K: 210, .q6_K: 1], [.q4_0: 180, .q3_K: 30, .q8_0: 1]),
            (
                .q3_KMedium, [.q3_K: 120, .q4_K: 87, .q5_K: 3, .q6_K: 1],
                [.q4_0: 120, .q5_0: 58, .q4_K: 29, .q5_1: 2, .q5_K: 1, .q8_0: 1]
            ),
            (
                .q3_KLarge, [.q3_K: 120, .q5_K: 90, .q6_K: 1],
                [.q4_0: 120, .q5_1: 60, .q5_K: 30, .q8_0: 1]
            ),
            (
                .q4_KSmall, [.q4_K: 203, .q5_K: 7, .q6_K: 1],
                [.q5_0: 176, .q4_K: 27, .q5_1: 4, .q5_K: 3, .q8_0: 1]
            ),
            (
                .q4_KMedium, [.q4_K: 182, .q6_K: 29],
                [.q5_0: 166, .q4_K: 16, .q8_0: 15, .q6_K: 14]
            ),
            (.q5_KSmall, [.q5_K: 210, .q6_K: 1], [.q5_1: 180, .q5_K: 30, .q8_0: 1]),
            (
                .q5_KMedium, [.q5_K: 182, .q6_K: 29],
                [.q5_1: 166, .q5_K: 16, .q8_0: 15, .q6_K: 14]
            ),
            (.q6_K, [.q6_K: 211], [.q8_0: 181, .q6_K: 30]),
            (.q8_0, [.q8_0: 211], [.q8_0: 211]),
        ] as [(GGUFPreset, [BlockType: Int], [BlockType: Int])])
    func typesAreThoseOfLlamaQuantize(
        preset: GGUFPreset, wide: [BlockType: Int], narrow: [BlockType: Int]
    ) throws {
        #expect(try counts(preset, width: 768) == wide)
        #expect(try counts(preset, width: 576) == narrow)
    }

    /// Values of four queries each get more bits.
    @Test func sharedValuesGetMore() throws {
        var spec = try spec(width: 768)
        for index in spec.blocks.indices { spec.blocks[index].attention.keyHeads = 3 }
        func value(_ preset: GGUFPreset) -> WeightPacking? {
            preset.recipe(for: spec).packing(for: Role(.value, block: 5))
        }
        #expect(value(.q2_K) == .blocks(.q4_K))
        #expect(value(.iq4_XS) == .blocks(.q5_K))
        #expect(value(.q5_KSmall) == .blocks(.q5_K))
    }

    @Test func namesAreReadInAnyCase() {
        for preset in GGUFPreset.allCases {
            #expect(GGUFPreset(named: preset.rawValue.lowercased()) == preset)
        }
        #expect(GGUFPreset(named: "Q4_K") == nil)
    }
}
