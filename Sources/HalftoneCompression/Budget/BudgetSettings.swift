import HalftoneAllocation
import HalftoneFormats
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization

/// The file that a budget is spent on, and with it the ways to store a matrix.
public enum BudgetTarget: String, Sendable, Hashable, Codable, CaseIterable {
    /// This package's folder: integer codes of any width.
    case folder
    /// A GGUF file: the blocks of that format, which other programs run.
    case gguf

    /// The size that the weight file of a model will have.
    ///
    /// - Throws: As writing would.
    func fileByteCount(of model: LanguageModel, recipe: CompressionRecipe) throws -> Int {
        switch self {
        case .folder: try ModelFolderWriter.weightFileByteCount(of: model, recipe: recipe)
        case .gguf: try GGUFExport.fileByteCount(of: model, recipe: recipe)
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
        /// Rows with one scale are tried too, plans near the allocated one are run, and tuning takes
        /// three times as long.
        case best
    }

    /// What is written.
    public var target = BudgetTarget.folder

    /// In which order a folder holds codes; with `coded` the budget is spent on codes that an entropy
    /// coder makes small.
    ///
    /// Nil is `coded` where that comes nearest to the float model: where the bytes of a folder are all that
    /// is limited, and gradients tell what rows are worth. With a ``sensitivity``, or costs that were
    /// measured before, nil is `automatic`, which allocates by them; so it is where codes are tuned, and
    /// where there are several ``tableWidths`` other than usual to choose from.
    public var order: StorageOrder?

    /// Bits of a code that a layer of a block can get.
    public var widths: [Int] = [1, 2, 3, 4, 5, 6, 8]

    /// Which weights of such a layer can share a scale, a byte of `ScaleFormat.unsignedFloat8`.
    public var groups: [Granularity] = [.group(32), .group(64)]

    /// Bits of a code that embedding and head can get, in groups of 64; none leaves them float.
    ///
    /// Codes that are coded have no widths: with a single one tables take its bytes, else what they are worth.
    public var tableWidths: [Int] = [3, 4, 5, 6, 8]

    /// Types of blocks that a layer can get in a GGUF file, where they divide its width.
    public var blockTypes: [BlockType] = [.q2_K, .q3_K, .iq4_XS, .q4_K, .q5_K, .q6_K, .q8_0]

    /// Types for layers that none of those but Q8_0 divides.
    public var smallBlockTypes: [BlockType] = [.iq4_NL, .q4_1, .q5_0, .q5_1, .q8_0]

    /// What costs are measured by; nil takes the curvature of predictions where gradients can be
    /// taken, and the error of outputs elsewhere.
    public var sensitivity: SensitivityMeasure?

    /// About the tokens that measures read which run the model for each change.
    public var trialTokens = 256

    /// Windows that codes are found on where costs are measured.
    ///
    /// With 0 costs are those of rounding to nearest, for which the judging windows are read alone.
    public var costWindows = 24

    /// Windows that curvature is measured on, and that judge what codes cost.
    public var judgingWindows = 8

    /// Each so manieth row of a matrix stands for all when costs are measured.
    public var costRowStep = 4

    /// Rows of a matrix that are enough for that.
    ///
    /// SmolLM2-135M at 3.56 bits with the fast effort has a divergence of 0.265 ± 0.010 when each fourth
    /// row and at least 256 stand for a matrix, two fifths of the layers' weights, and of 0.274 ± 0.011
    /// with each eighth and at least 64, a seventh of them.
    public var costRows = 256

    /// Windows that codes are found on.
    ///
    /// SmolLM2-135M with codes of 3 bits in groups of 64 has a divergence of 0.331 with 32 windows of
    /// 512 tokens, 0.316 with 64, 0.304 with 128 and 0.315 with 256.
    public var calibrationWindows = 96

    /// Windows that codes are found on that are to be coded, and those of layers alike beside them.
    ///
    /// Their steps count what few tokens do not know. SmolLM2-135M in 62.4 MB, untuned, has a divergence of
    /// 0.074 with 8 windows of 512 tokens and of 0.061 with 32.
    public var codedWindows = 32

    /// Windows that candidates are compared on; no other step reads them.
    public var heldOutWindows = 8

    /// Sizes that are tried at most on the way to a limit of loss, at least 3.
    public var trials = 6

    /// Tokens of a window, at most the model's context.
    public var length = 512

    /// How scales and gains are tuned, and codes if it says so; nil leaves them.
    public var tuning: PredictionTuning? = PredictionTuning()

    /// How plans near the allocated one are tried with all their matrices at once; nil tries none.
    public var evolution: EvolutionarySearch?

    /// Windows that these are tried on.
    public var evolutionWindows = 3

    /// Draws what is drawn.
    public var seed: UInt64 = 1

    /// About the bits of a code that budgets leave for layers of blocks; others are not tried.
    private var likelyWidths: ClosedRange<Double>?

    /// The settings of an effort.
    public init(effort: Effort = .standard) {
        switch effort {
        case .fast:
            groups = [.group(64)]
            (costWindows, judgingWindows, calibrationWindows, heldOutWindows) = (8, 2, 8, 4)
            codedWindows = 8
            (costRowStep, costRows) = (8, 64)
            trials = 4
            tuning = nil
        case .standard: break
        case .best:
            groups = [.group(32), .group(64), .channel]
            (calibrationWindows, codedWindows) = (128, 128)
            trials = 8
            tuning?.steps = 512
            tuning?.length = 512
            evolution = EvolutionarySearch()
        }
    }

    /// The same with more text to find costs and codes on for a model whose layers read more channels
    /// than 1,536: windows for costs in proportion, and no fewer for codes.
    ///
    /// Error compensation fits the second moments of what layers read, which take several tokens for
    /// each channel. Of Qwen2.5-Coder-0.5B, whose layers read up to 4,864, the fast effort at 3.06 bits
    /// has a divergence of 0.555 with 8 windows of 512 tokens and of 0.213 with 25.
    public func reading(for spec: DecoderSpec) -> BudgetSettings {
        let widest = spec.slots.filter { $0.role.isLinear && $0.role.block != nil }
            .reduce(0) { max($0, $1.shape[1]) }
        func more(_ windows: Int) -> Int { max(windows, windows * widest / 1536) }
        var settings = self
        settings.costWindows = more(costWindows)
        settings.calibrationWindows = max(calibrationWindows, settings.costWindows)
        settings.codedWindows = more(codedWindows)
        return settings
    }

    /// The ways to store a matrix.
    ///
    /// - Parameters:
    ///   - role: Which matrix.
    ///   - columns: Its width, which blocks have to divide; a layer that none divides has F16.
    public func packings(for role: Role, columns: Int) -> [WeightPacking] {
        let isTable = role.block == nil
        switch target {
        case .folder:
            let widths = isTable ? tableWidths : likely(widths) { Double($0) }
            return widths.flatMap { bits in
                (isTable ? [.group(64)] : groups).map { granularity in
                    .codes(
                        WeightScheme(
                            format: IntegerFormat(bits: bits, symmetric: bits > 4 || bits == 1),
                            granularity: granularity,
                            scaleFormat: isTable ? .float16 : .unsignedFloat8,
                            search: .leastError))
                }
            }
        case .gguf:
            guard !isTable || !tableWidths.isEmpty else { return [] }
            let types = [blockTypes, smallBlockTypes].lazy.map { types in
                types.filter { type in
                    columns.isMultiple(of: type.blockSize)
                        && (!isTable || tableWidths.contains(Int(type.bitsPerWeight)))
                }
            }.first { $0.contains { $0 != .q8_0 } }
            let tried = types ?? (columns.isMultiple(of: 32) ? [.q8_0] : [.f16])
            let chosen = isTable ? tried : likely(tried) { $0.bitsPerWeight.rounded(.down) }
            return chosen.map(WeightPacking.blocks)
        }
    }

    /// What embedding and head take where there is one way to store them; nil where there are several, or none.
    func tableByteCount(of spec: DecoderSpec) -> Int? {
        var bytes: Int?
        for slot in spec.slots where slot.role.isPackable && slot.role.block == nil {
            let ways = packings(for: slot.role, columns: slot.shape[1])
            guard ways.count == 1 else { return nil }
            bytes =
                (bytes ?? 0)
                + ways[0].byteCount(.automatic, rows: slot.shape[0], columns: slot.shape[1])
        }
        return bytes
    }

    /// Those of some formats whose width budgets can be worth; the nearest one where none is.
    private func likely<Format>(_ all: [Format], _ bits: (Format) -> Double) -> [Format] {
        guard let likelyWidths else { return all }
        let fitting = all.filter { likelyWidths.contains(bits($0)) }
        guard fitting.isEmpty else { return fitting }
        let isBelow = all.allSatisfy { bits($0) > likelyWidths.upperBound }
        let sorted = all.sorted { bits($0) < bits($1) }
        return isBelow ? Array(sorted.prefix(1)) : sorted.suffix(1)
    }

    /// Windows that are read to measure costs.
    var costTextWindows: Int {
        costWindows + judgingWindows
    }

    /// The same with only those widths of the blocks' layers that budgets can be worth: some bits
    /// around what they give each weight.
    func narrowed(to bitsPerWeight: ClosedRange<Double>) -> BudgetSettings {
        var narrowed = self
        let (less, more) = order == .coded ? (1.5, 1.0) : (2.5, 3)
        narrowed.likelyWidths = bitsPerWeight.lowerBound - less...bitsPerWeight.upperBound + more
        return narrowed
    }

    /// The same with an order for a budget.
    ///
    /// Where codes are coded nothing but layers alike is chosen by costs, for which no codes need to be found
    /// for a text, and few rows of each matrix will do.
    ///
    /// - Parameters:
    ///   - budget: What is limited.
    ///   - spec: The model's description.
    ///   - hasCosts: Whether costs were measured before.
    func ordered(
        for budget: ModelBudget, _ spec: DecoderSpec, hasCosts: Bool
    ) -> BudgetSettings {
        let canBeCoded = target == .folder && budget.limitsBytesAlone && spec.hasGradients
        let hasTableWidths = tableWidths.count > 1 && tableWidths != BudgetSettings().tableWidths
        let isAllocated =
            sensitivity != nil || hasCosts || hasTableWidths || (tuning?.codeRate ?? 0) > 0
        var ordered = self
        ordered.order = order ?? (canBeCoded && !isAllocated ? .coded : .automatic)
        if ordered.order == .coded {
            ordered.calibrationWindows = codedWindows
            ordered.costWindows = 0
            ordered.costRowStep = max(costRowStep, 16)
            ordered.costRows = min(costRows, 32)
            // There are no plans to try.
            ordered.evolution = nil
        }
        return ordered
    }
}
