/// How the scale of a group is stored.
public enum ScaleFormat: String, Sendable, Hashable, CaseIterable, Codable {
    case float32 = "f32"
    case float16 = "f16"
    case bfloat16 = "bf16"
    /// E4M3 times one float32 factor per tensor, which brings the largest scale to 448.
    case float8 = "f8"
    /// UE3M5 times one float32 factor per tensor, which brings the largest scale to 31.5: no sign, and
    /// four times as fine as E4M3, which rounds away what tuning scales does.
    case unsignedFloat8 = "ue3m5"

    /// The element type of the stored scales.
    public var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float8: .float8E4M3
        case .unsignedFloat8: .uint8
        }
    }

    /// What the bytes of 8-bit scales stand for, times their factor; nil for the others, which have
    /// no factor.
    public var byteFormat: NumberFormat? {
        switch self {
        case .float32, .float16, .bfloat16: nil
        case .float8: .e4m3
        case .unsignedFloat8: .ue3m5
        }
    }

    /// Whether scales are bytes with a factor.
    public var hasFactor: Bool { self == .float8 || self == .unsignedFloat8 }

    /// Bits of one stored scale.
    public var bits: Int { elementType.bits }
}
