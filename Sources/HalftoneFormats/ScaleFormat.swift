/// How the scale of a group is stored.
public enum ScaleFormat: String, Sendable, Hashable, CaseIterable, Codable {
    case float32 = "f32"
    case float16 = "f16"
    case bfloat16 = "bf16"
    /// E4M3 times one float32 factor per tensor, which brings the largest scale to 448.
    case float8 = "f8"

    /// The element type of the stored scales.
    public var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float8: .float8E4M3
        }
    }

    /// Bits of one stored scale.
    public var bits: Int { elementType.bits }
}
