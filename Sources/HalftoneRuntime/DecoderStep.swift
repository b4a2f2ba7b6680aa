import HalftoneKernels

/// What all threads do for tokens that are computed together: an object of a workspace that is used
/// again, since a closure for each token would take memory.
final class DecoderStep: TeamProgram {
    private let plan: DecoderPlan
    private unowned let workspace: Workspace
    private var count = 0
    private var segments: [[Attention.Segment]] = []
    private var headRows: Range<Int>?

    init(_ plan: DecoderPlan, _ workspace: Workspace) {
        self.plan = plan
        self.workspace = workspace
    }

    /// Runs all blocks over the tokens in the residual stream.
    ///
    /// - Parameters:
    ///   - pool: The threads.
    ///   - count: Tokens.
    ///   - segments: The sequences that they belong to, for each block.
    ///   - rows: Tokens whose logits are wanted.
    func run(
        on pool: WorkerPool, count: Int, segments: [[Attention.Segment]], logitsOf rows: Range<Int>?
    ) {
        self.count = count
        self.segments = segments
        headRows = rows
        pool.together(self)
        // A state changes its segments in place when nobody else holds them.
        self.segments = []
    }

    func run(_ team: Team) {
        plan.run(team, count: count, segments: segments, workspace)
        guard let headRows else { return }
        plan.head.run(
            team, workspace.normed.rows(team, count: count), rows: headRows,
            into: workspace.logits)
    }
}
