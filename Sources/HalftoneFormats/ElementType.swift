/// The element type of an unblocked tensor, named as in safetensors headers.
public enum ElementType: String, Sendable, Hashable, CaseIterable, Codable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case uint16 = "U16"
    case int16 = "I16"
    case uint32 = "U32"
    case int32 = "I32"
    case uint64 = "U64"
    case int64 = "I64"
    case float4E2M1 = "F4"
    case float6E2M3 = "F6_E2M3"
    case float6E3M2 = "F6_E3M2"
    case float8E4M3 = "F8_E4M3"
    case float8E5M2 = "F8_E5M2"
    case float8E8M0 = "F8_E8M0"
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float32 = "F32"
    case float64 = "F64"
    case complex64 = "C64"

    /// Bits that one element takes.
    public var bits: Int {
        switch self {
        case .float4E2M1: 4
        case .float6E2M3, .float6E3M2: 6
        case .bool, .uint8, .int8, .float8E4M3, .float8E5M2, .float8E8M0, .float8E4M3FNUZ,
            .float8E5M2FNUZ:
            8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .uint32, .int32, .float32: 32
        case .uint64, .int64, .float64, .complex64: 64
        }
    }

    /// Whether the elements are real numbers in a floating-point format.
    public var isFloat: Bool {
        switch self {
        case .float4E2M1, .float6E2M3, .float6E3M2, .float8E4M3, .float8E5M2, .float8E8M0,
            .float8E4M3FNUZ, .float8E5M2FNUZ, .float16, .bfloat16, .float32, .float64:
            true
        default: false
        }
    }
}
