import HalftoneFormats
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization

/// What a compressed model may take.
public enum SizeBudget: Sendable, Hashable {
    /// Bits for each weight of the packed matrices, everything that they need counted.
    case bitsPerWeight(Double)
    /// Bytes of the weight file, everything in it counted.
    case fileBytes(Int)
}

extension SizeBudget: CustomStringConvertible {
    /// `2.75 bits per weight`, `60000000 bytes`.
    public var description: String {
        switch self {
        case .bitsPerWeight(let bits): "\(bits) bits per weight"
        case .fileBytes(let bytes): "\(bytes) bytes"
        }
    }
}

/// What is tried on the way from a budget to a model, and how much text is read for it.
public struct BudgetSettings: Sendable, Hashable, Codable {
    /// How much time quality is worth.
    public enum Effort: String, Sendable, CaseIterable, Codable {
        /// Bits are allocated by coarse costs, and nothing is tuned.
        case fast
        /// Scales and gains are tuned for some minutes.
        case standard = "default"
        /// Finer groups are tried, and tuning takes four times as long.
        case best
    }

    /// Bits of a code that a layer of a block can get.
    public var widths: [Int] = [1, 2, 3, 4, 5, 6, 8]

    /// Which weights of such a layer can share a scale.
    public var groups: [Granularity] = [.group(64), .channel]

    /// Bits of a code that embedding and head can get, in groups of 64; none leaves them float.
    public var tableWidths: [Int] = [3, 4, 5, 6, 8]

    /// Windows that curvature and costs are measured on.
    public var costWindows = 8

    /// Windows that codes are found on.
    public var calibrationWindows = 32

    /// Windows that candidates are compared on; no other step reads them.
    public var heldOutWindows = 8

    /// Tokens of a window, at most the model's context.
    public var length = 512

    /// How scales and gains are tuned; nil leaves them.
    public var tuning: PredictionTuning? = PredictionTuning()

    /// Draws what is drawn.
    public var seed: UInt64 = 1

    /// The settings of an effort.
    public init(effort: Effort = .standard) {
        switch effort {
        case .fast:
            groups = [.group(64)]
            (costWindows, calibrationWindows, heldOutWindows) = (2, 8, 4)
            tuning = nil
        case .standard: break
        case .best:
            groups = [.group(32), .group(64), .channel]
            calibrationWindows = 64
            tuning?.steps = 256
        }
    }

    /// The ways to store a matrix.
    public func schemes(for role: Role) -> [WeightScheme] {
        func scheme(_ bits: Int, _ granularity: Granularity) -> WeightScheme {
            WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: bits > 4 || bits == 1),
                granularity: granularity, scaleFormat: .float16, search: .leastError)
        }
        guard role.block == nil else {
            return widths.flatMap { bits in groups.map { scheme(bits, $0) } }
        }
        return tableWidths.map { scheme($0, .group(64)) }
    }

    /// The same with only those widths of the blocks' layers that budgets can be worth: some bits
    /// around what they give each weight.
    func narrowed(to bitsPerWeight: ClosedRange<Double>) -> BudgetSettings {
        var narrowed = self
        let fitting = widths.filter { bits in
            (bitsPerWeight.lowerBound - 2.5...bitsPerWeight.upperBound + 2).contains(Double(bits))
        }
        // The least and the largest budgets keep what is nearest.
        narrowed.widths = fitting.isEmpty ? widths.suffix(1) : fitting
        return narrowed
    }
}
