/// How a tensor was computed: from what, and how a gradient flows back.
final class GradientNode: @unchecked Sendable {
    // Both change only while nobody else has a reference: in `deinit`.
    private(set) var inputs: [GradientNode?]
    private(set) var pullback: GradientStep.Pullback?

    /// Elements of the tensor.
    let count: Int

    /// A tensor that gradients can be asked for.
    init(count: Int) {
        inputs = []
        pullback = nil
        self.count = count
    }

    /// The result of an operation.
    init(count: Int, inputs: [GradientNode?], pullback: @escaping GradientStep.Pullback) {
        self.inputs = inputs
        self.pullback = pullback
        self.count = count
    }

    /// Takes a long chain of records apart link by link; left alone, it would recurse.
    deinit {
        guard !inputs.isEmpty else { return }
        var rest = inputs
        inputs = []
        // What the pullback holds is released while `rest` still has the links.
        pullback = nil
        while var node = rest.popLast() {
            guard isKnownUniquelyReferenced(&node), let last = node else { continue }
            rest += last.inputs
            last.inputs = []
            last.pullback = nil
        }
    }
}
