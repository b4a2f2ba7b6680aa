import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime

/// What a calibrated compression will take, known before it starts.
public struct CalibrationPlan: Sendable {
    /// Memory at the widest block, beside the model's own weights: activations, statistics and
    /// their factorization, and the packed matrices.
    public let memoryBytes: Int

    /// Multiplications and additions of the pass through the model and of the statistics.
    public let operations: Double

    /// Weights that are searched and rounded.
    public let weights: Int

    /// Seconds that a thread takes to search scales for a weight and to compensate its error, as
    /// measured with groups of 128 at 4 bits.
    private static let secondsPerWeight = 0.25e-6

    /// The share of the speed of one large product that the pass reaches.
    private static let shareOfProduct = 0.6

    /// What memory that was freed and is kept to be used again adds to what is in use, as measured.
    private static let keptShare = 0.12

    /// Plans a job.
    ///
    /// - Parameters:
    ///   - spec: The model.
    ///   - recipe: Formats.
    ///   - detail: What the method wants to know of inputs.
    ///   - calibration: What is read.
    public init(
        of spec: DecoderSpec, recipe: CompressionRecipe, detail: InputStatistics.Detail,
        calibration: CalibrationText
    ) {
        let lengths = calibration.sequences.map(\.count)
        let tokens = lengths.reduce(0, +)
        var (operations, statistics) = (0.0, 0)
        for block in spec.blocks {
            let attention = block.attention
            let perPair = 2.0 * Double(attention.heads * attention.headDim)
            operations += lengths.reduce(0) { $0 + perPair * Double($1 * $1) }
            for stage in BlockStage.allCases {
                let width = stage.width(of: block, in: spec)
                guard detail == .gram else { continue }
                operations += Double(tokens) * Double(width * width)
                // The sum and its copy in float32, three matrices in float64, the factor.
                statistics = max(statistics, width * width * (4 + 4 + 3 * 8 + 4))
            }
        }
        for slot in spec.slots where slot.role.block != nil && slot.role.isLinear {
            operations += 2 * Double(tokens) * Double(slot.shape[0] * slot.shape[1])
        }
        let size = CompressedSize(of: spec, recipe: recipe)
        self.operations = operations
        weights = size.packedWeightCount
        let used =
            StagedRun.byteCount(of: spec, tokens: tokens, longest: lengths.max() ?? 0)
            + statistics + size.packedByteCount
        memoryBytes = used + Int(Self.keptShare * Double(used))
    }

    /// About how long the job takes, from the speed of one large product on the threads at hand.
    public func seconds(on pool: WorkerPool) -> Double {
        let clock = ContinuousClock()
        let (rows, depth) = (512, 1024)
        let values = FloatArray(repeating: 1, count: depth * depth)
        let product = DenseProduct(rows: rows, columns: depth, depth: depth)
        var best = Double.infinity
        for _ in 0..<8 {
            let elapsed = clock.measure {
                WorkerPool.$current.withValue(pool) { _ = product(values, values) }
            }
            best = min(best, elapsed / .seconds(1))
        }
        let speed = 2 * Double(rows * depth * depth) / best
        return operations / (speed * Self.shareOfProduct)
            + Double(weights) * Self.secondsPerWeight / Double(pool.threadCount)
    }
}
