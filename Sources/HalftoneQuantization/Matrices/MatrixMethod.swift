import HalftoneKernels

/// Turns float weights into a stored matrix whose form is the method's own.
///
/// A ``WeightMethod`` finds codes for a scheme that others chose; this one knows what it stores:
/// planes of bits, classes of columns, a part of low rank.
public protocol MatrixMethod: Sendable {
    /// What the method wants to know of a layer's inputs.
    var inputDetail: InputStatistics.Detail { get }

    /// Stores one matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - inputs: What flows into the layer, in the detail that ``inputDetail`` asks for.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``QuantizationError``, for example for the first weight that is no number.
    func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix
}
