import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

/// A model some of whose blocks are lowered to fewer bits or removed, measured once for each set.
struct BlockTrial {
    /// The float model and the text.
    private(set) var bench: LanguageBench

    private let high: DecoderWeights
    private let low: DecoderWeights
    private var known: [Set<Int>: Double] = [:]

    /// Quantizes all blocks to both widths.
    init(_ bench: LanguageBench, _ settings: LayerwiseQuantReproduction.Settings) throws {
        self.bench = bench
        func weights(_ bits: Int) throws -> DecoderWeights {
            let scheme = WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: false),
                granularity: .group(settings.groupSize))
            return try bench.compressed(RoundToNearest(), scheme).weights
        }
        high = try weights(settings.high)
        low = try weights(settings.low)
    }

    /// The same model, measured on the text of another bench.
    func reading(_ bench: LanguageBench) -> Self {
        var copy = self
        if copy.bench.reference.windows != bench.reference.windows { copy.known = [:] }
        copy.bench = bench
        return copy
    }

    /// The divergence from the float model with some blocks lowered, the others in the higher
    /// width.
    mutating func divergence(lowering blocks: Set<Int>) throws -> Double {
        if let known = known[blocks] { return known }
        let weights = bench.weights { role, _ in
            (role.block.map(blocks.contains) == true ? low : high).matrix(role)
        }
        let divergence = try bench.measure(weights).divergence
        known[blocks] = divergence
        return divergence
    }

    /// The divergence with some blocks removed: what they add to the residual stream is 0.
    func divergence(removing blocks: Set<Int>) throws -> Double {
        let weights = try bench.weights { role, matrix in
            guard role.block.map(blocks.contains) == true else { return high.matrix(role) }
            guard role.part == .attentionOutput || role.part == .down else { return nil }
            let zeros = [Float](repeating: 0, count: matrix.rows * matrix.columns)
            return try DecodedMatrix(
                zeros, rows: matrix.rows, columns: matrix.columns, byteCount: 0,
                formatName: "removed")
        }
        return try bench.measure(weights).divergence
    }
}
