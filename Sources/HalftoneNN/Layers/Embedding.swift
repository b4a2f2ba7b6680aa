import HalftoneTensor

/// A table of rows that are looked up by number.
///
/// Checkpoint name: `weight` `[rows, width]`.
public final class Embedding: Module {
    /// The table, `[rows, width]`.
    public let weight: Parameter

    /// What makes the table that is computed with, or nil for the stored one.
    public var weightTransform: (any WeightTransform)?

    /// A table of a given parameter.
    public init(weight: Parameter) {
        precondition(weight.shape.count == 2, "a table is [rows, width]")
        self.weight = weight
    }

    /// A table of drawn rows.
    public convenience init(
        rows: Int, width: Int, initializer: Initializer = .normal(0.02),
        using generator: inout SeededGenerator
    ) {
        self.init(weight: Parameter(initializer.tensor([rows, width], using: &generator)))
    }

    /// The names of checkpoints.
    public var parts: Parts {
        [
            "weight": weightTransform?.replacesWeight == true ? nil : weight,
            "weight_transform": weightTransform,
        ]
    }

    /// The table that is computed with; hooks see it as `weight`.
    public func table(_ context: ForwardContext) -> Tensor {
        let stored =
            weightTransform?.replacesWeight == true ? weight.value : context.value(of: weight)
        let value = weightTransform.map { $0(stored, context) } ?? stored
        return context.pass(value, "weight", of: self)
    }

    /// The rows at some numbers, each within the table: `[…] → […, width]`.
    public func callAsFunction(_ indices: IndexTensor, _ context: ForwardContext) -> Tensor {
        context.pass(table(context).embedding(indices), "output", of: self)
    }

    /// The products of vectors with every row: the head of a model whose embedding is tied.
    ///
    /// - Parameters:
    ///   - x: `[…, width]`.
    ///   - context: Of the pass.
    /// - Returns: `[…, rows]`.
    public func logits(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        context.pass(x.matmul(table(context), transposingSecond: true), "logits", of: self)
    }
}
