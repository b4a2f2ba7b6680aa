import HalftoneKernels

/// Sequences that are decoded together, a token of each at a time.
public final class DecoderBatch {
    /// The sequences; a state is in one batch at a time.
    public let states: [DecoderState]

    let workspace: Workspace

    init(_ states: [DecoderState], workspace: Workspace) {
        self.states = states
        self.workspace = workspace
    }

    /// The tokens that were prepared, for each block one segment of each sequence.
    var segments: [[Attention.Segment]] {
        states[0].segments.indices.map { block in states.map { $0.segments[block][0] } }
    }
}
