/// A tensor encoding of GGUF files: `blockSize` elements in `bytesPerBlock` bytes.
///
/// The raw value is the type id in the file. Plain element types are blocks of one.
public enum BlockType: Int32, Sendable, Hashable, Codable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q8_1 = 9
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case q8_K = 15
    case iq2_XXS = 16
    case iq2_XS = 17
    case iq3_XXS = 18
    case iq1_S = 19
    case iq4_NL = 20
    case iq3_S = 21
    case iq2_S = 22
    case iq4_XS = 23
    case i8 = 24
    case i16 = 25
    case i32 = 26
    case i64 = 27
    case f64 = 28
    case iq1_M = 29
    case bf16 = 30
    case tq1_0 = 34
    case tq2_0 = 35
    case mxfp4 = 39
    case nvfp4 = 40
    case q1_0 = 41
    case q2_0 = 42

    /// Elements in one block.
    ///
    /// A row of a tensor holds a whole number of blocks.
    public var blockSize: Int { layout.elements }

    /// Bytes of one block, scales included.
    public var bytesPerBlock: Int { layout.bytes }

    /// Bits that one element takes, scales included.
    public var bitsPerWeight: Double { Double(layout.bytes * 8) / Double(layout.elements) }

    /// The name used by the programs of the field: `Q4_K`, `IQ2_XXS`, `BF16`.
    public var name: String { layout.name }

    /// Whether this type is an unblocked element type rather than a quantized block.
    public var isPlain: Bool { layout.elements == 1 }

    /// The type with a name such as `Q4_0`, upper or lower case.
    public init?(named name: String) {
        let wanted = name.uppercased()
        guard let match = Self.allCases.first(where: { $0.name.uppercased() == wanted }) else {
            return nil
        }
        self = match
    }

    private var layout: (name: String, elements: Int, bytes: Int) {
        switch self {
        case .f32: ("F32", 1, 4)
        case .f16: ("F16", 1, 2)
        case .q4_0: ("Q4_0", 32, 18)
        case .q4_1: ("Q4_1", 32, 20)
        case .q5_0: ("Q5_0", 32, 22)
        case .q5_1: ("Q5_1", 32, 24)
        case .q8_0: ("Q8_0", 32, 34)
        case .q8_1: ("Q8_1", 32, 36)
        case .q2_K: ("Q2_K", 256, 84)
        case .q3_K: ("Q3_K", 256, 110)
        case .q4_K: ("Q4_K", 256, 144)
        case .q5_K: ("Q5_K", 256, 176)
        case .q6_K: ("Q6_K", 256, 210)
        case .q8_K: ("Q8_K", 256, 292)
        case .iq2_XXS: ("IQ2_XXS", 256, 66)
        case .iq2_XS: ("IQ2_XS", 256, 74)
        case .iq3_XXS: ("IQ3_XXS", 256, 98)
        case .iq1_S: ("IQ1_S", 256, 50)
        case .iq4_NL: ("IQ4_NL", 32, 18)
        case .iq3_S: ("IQ3_S", 256, 110)
        case .iq2_S: ("IQ2_S", 256, 82)
        case .iq4_XS: ("IQ4_XS", 256, 136)
        case .i8: ("I8", 1, 1)
        case .i16: ("I16", 1, 2)
        case .i32: ("I32", 1, 4)
        case .i64: ("I64", 1, 8)
        case .f64: ("F64", 1, 8)
        case .iq1_M: ("IQ1_M", 256, 56)
        case .bf16: ("BF16", 1, 2)
        case .tq1_0: ("TQ1_0", 256, 54)
        case .tq2_0: ("TQ2_0", 256, 66)
        case .mxfp4: ("MXFP4", 32, 17)
        case .nvfp4: ("NVFP4", 64, 36)
        case .q1_0: ("Q1_0", 128, 18)
        case .q2_0: ("Q2_0", 64, 18)
        }
    }
}

extension BlockType {
    /// Why an id that names no case is not readable, in words for an error message.
    public static func reasonForRefusing(id: Int32) -> String {
        switch id {
        case 4, 5: "type \(id) (Q4_2, Q4_3) was removed from the format"
        case 31, 32, 33: "type \(id) (an interleaved Q4_0) was removed from the format"
        case 36, 37, 38: "type \(id) (an interleaved IQ4_NL) was removed from the format"
        case 0..<43: "type \(id) is not a type of this format"
        default: "type \(id) belongs to a fork of the format or is damage"
        }
    }
}
