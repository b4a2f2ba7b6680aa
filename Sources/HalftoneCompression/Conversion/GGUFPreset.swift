import HalftoneFormats
import HalftoneModels
import HalftoneQuantization

/// A mixture of block types that programs of the field name as one: more bits for values, for the
/// second matrices of perceptrons and for the head, where they matter more.
///
/// Which matrix gets which type is that of `llama-quantize` for dense models other than Falcon, as
/// of November 2026 with an importance matrix, tied embeddings as heads.
public enum GGUFPreset: String, Sendable, Hashable, Codable, CaseIterable {
    case q2_K = "Q2_K"
    case q2_KSmall = "Q2_K_S"
    case q3_KSmall = "Q3_K_S"
    case q3_KMedium = "Q3_K_M"
    case q3_KLarge = "Q3_K_L"
    case iq4_XS = "IQ4_XS"
    case q4_KSmall = "Q4_K_S"
    case q4_KMedium = "Q4_K_M"
    case q5_KSmall = "Q5_K_S"
    case q5_KMedium = "Q5_K_M"
    case q6_K = "Q6_K"
    case q8_0 = "Q8_0"

    /// The preset with a name, upper or lower case.
    public init?(named name: String) { self.init(rawValue: name.uppercased()) }

    /// The type of most matrices.
    public var base: BlockType {
        switch self {
        case .q2_K, .q2_KSmall: .q2_K
        case .q3_KSmall, .q3_KMedium, .q3_KLarge: .q3_K
        case .iq4_XS: .iq4_XS
        case .q4_KSmall, .q4_KMedium: .q4_K
        case .q5_KSmall, .q5_KMedium: .q5_K
        case .q6_K: .q6_K
        case .q8_0: .q8_0
        }
    }

    /// How the matrices of a model are stored; those whose width 256 does not divide have smaller
    /// blocks of more bits.
    public func recipe(for spec: DecoderSpec) -> CompressionRecipe {
        var recipe = CompressionRecipe(bits: 8)
        recipe.embedding = nil
        for slot in spec.slots where slot.role.isPackable {
            let type = type(of: slot.role, in: spec)
            recipe.overrides[slot.role] = .blocks(
                GGUFExport.fitting(type, columns: slot.shape[1]))
        }
        return recipe
    }

    /// The type of a matrix, if its blocks divide its width.
    private func type(of role: Role, in spec: DecoderSpec) -> BlockType {
        guard let index = role.block else {
            return role.part == .head || spec.isHeadTied ? (self == .q8_0 ? .q8_0 : .q6_K) : base
        }
        let count = spec.blocks.count
        // The first and the last eighth, and of those between each third one.
        let isOuter = index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2
        switch role.part {
        case .value:
            let attention = spec.blocks[index].attention
            let sharesValues = attention.heads >= 4 * attention.keyHeads
            switch self {
            case .q2_K: return sharesValues ? .q4_K : .q3_K
            case .q2_KSmall: return sharesValues ? .q4_K : base
            case .q3_KMedium: return index < 2 ? .q5_K : .q4_K
            case .q3_KLarge: return .q5_K
            case .iq4_XS: return sharesValues ? .q5_K : base
            case .q4_KSmall: return index < 4 ? .q5_K : base
            case .q4_KMedium, .q5_KMedium: return isOuter ? .q6_K : base
            default: return base
            }
        case .down:
            switch self {
            case .q2_K: return .q3_K
            case .q2_KSmall: return index < count / 8 ? .q4_K : base
            case .q3_KMedium: return index < count / 16 ? .q5_K : .q4_K
            case .q3_KLarge: return .q5_K
            case .q4_KSmall: return index < count / 8 ? .q5_K : base
            case .q4_KMedium, .q5_KMedium: return isOuter ? .q6_K : base
            default: return base
            }
        case .attentionOutput:
            switch self {
            case .q2_K: return .q3_K
            case .q3_KMedium: return .q4_K
            case .q3_KLarge: return .q5_K
            default: return base
            }
        case .qkv:
            switch self {
            case .q3_KMedium, .q3_KLarge: return .q4_K
            case .q4_KMedium: return .q5_K
            case .q5_KMedium: return .q6_K
            default: return base
            }
        default: return base
        }
    }
}
