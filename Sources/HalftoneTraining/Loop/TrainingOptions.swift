/// How a training goes: how long, and what it does on the way.
public struct TrainingOptions: Sendable, Codable, Hashable {
    /// Updates of the parameters.
    public var steps: Int
    /// Batches whose gradients are averaged for one update.
    public var accumulation: Int
    /// The length that gradients are scaled down to; nil for no limit.
    public var clipNorm: Double?
    /// Share of the moving averages of the parameters that is kept; nil for no averages.
    public var averageDecay: Double?
    /// Updates between two lines of metrics.
    public var metricsInterval: Int
    /// Updates between two checkpoints.
    public var checkpointInterval: Int
    /// Updates between two evaluations; nil for one at the end.
    public var evaluationInterval: Int?
    /// Where the randomness of layers starts.
    public var seed: UInt64

    /// Describes a training.
    public init(
        steps: Int, accumulation: Int = 1, clipNorm: Double? = nil, averageDecay: Double? = nil,
        metricsInterval: Int = 10, checkpointInterval: Int = 200, evaluationInterval: Int? = nil,
        seed: UInt64 = 0
    ) {
        self.steps = steps
        self.accumulation = accumulation
        self.clipNorm = clipNorm
        self.averageDecay = averageDecay
        self.metricsInterval = metricsInterval
        self.checkpointInterval = checkpointInterval
        self.evaluationInterval = evaluationInterval
        self.seed = seed
    }
}
