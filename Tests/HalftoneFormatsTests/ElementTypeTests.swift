import HalftoneFormats
import Testing

@Suite("Element types of safetensors")
struct ElementTypeTests {
    /// Names and bits as published by the safetensors project.
    static let published: [String: Int] = [
        "BOOL": 8, "U8": 8, "I8": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8,
        "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16,
        "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
        "U64": 64,
    ]

    @Test("every type has the published name and size")
    func everyTypeIsAsPublished() {
        let bits = Dictionary(
            uniqueKeysWithValues: ElementType.allCases.map { ($0.rawValue, $0.bits) })
        #expect(bits == Self.published)
    }

    @Test("the real floating-point types are those called F and BF")
    func floatsAreNamedSo() {
        for type in ElementType.allCases {
            let isNamedSo = type.rawValue.hasPrefix("F") || type.rawValue.hasPrefix("BF")
            #expect(type.isFloat == isNamedSo, "\(type)")
        }
    }

    @Test("scales are stored in the element type of their name")
    func scalesHaveElementTypes() {
        let stored = ScaleFormat.allCases.map {
            [$0.rawValue, $0.elementType.rawValue, "\($0.bits)"]
        }
        #expect(
            stored == [
                ["f32", "F32", "32"], ["f16", "F16", "16"], ["bf16", "BF16", "16"],
                ["f8", "F8_E4M3", "8"], ["ue3m5", "U8", "8"],
            ])
    }
}
