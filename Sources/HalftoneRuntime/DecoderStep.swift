import HalftoneKernels

/// What all threads do for tokens that are computed together: an object of a workspace that is used
/// again, since a closure for each token would take memory.
final class DecoderStep: TeamProgram {
    private let plan: DecoderPlan
    private unowned let workspace: Workspace
    private var count = 0
    private var segments: [[Attention.Segment]] = []
    private var needed = 0..<0
    private var givesLogits = false

    init(_ plan: DecoderPlan, _ workspace: Workspace) {
        self.plan = plan
        self.workspace = workspace
    }

    /// Runs all blocks over the tokens in the residual stream.
    ///
    /// - Parameters:
    ///   - pool: The threads.
    ///   - count: Tokens.
    ///   - needed: Tokens whose hidden states are wanted.
    ///   - segments: The sequences that they belong to, for each block.
    ///   - givesLogits: Whether the logits of those tokens are wanted too.
    func run(
        on pool: WorkerPool, count: Int, needed: Range<Int>, segments: [[Attention.Segment]],
        givesLogits: Bool = false
    ) {
        self.count = count
        self.needed = needed
        self.segments = segments
        self.givesLogits = givesLogits
        pool.together(self)
        // A state changes its segments in place when nobody else holds them.
        self.segments = []
    }

    func run(_ team: Team) {
        plan.run(team, count: count, needed: needed, segments: segments, workspace)
        guard givesLogits else { return }
        plan.head.run(
            team, workspace.normed.rows(team, 0..<count), rows: needed, into: workspace.logits)
    }
}
