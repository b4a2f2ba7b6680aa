import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// What errors of columns do that are rounded in turn, the later ones making up for the earlier.
public struct ColumnErrors: Sendable {
    /// What a squared error of each column costs when its turn comes, in squared output for each token, by
    /// place in the order of rounding.
    public var costs: [Float]

    /// How much the variance of a column has grown by its turn, in variances of an error: mean over columns.
    public var handedOn: Double

    /// States them.
    public init(costs: [Float], handedOn: Double) {
        (self.costs, self.handedOn) = (costs, handedOn)
    }
}

/// Turns float weights into codes.
public protocol WeightMethod: Sendable {
    /// What the method wants to know of a layer's inputs.
    var inputDetail: InputStatistics.Detail { get }

    /// The method made ready for layers that read the same inputs, so that what depends on those
    /// alone is computed once; by default the method as it is.
    ///
    /// - Parameters:
    ///   - inputs: What flows into the layers.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``QuantizationError`` for inputs that do not serve the method.
    func prepared(
        for inputs: InputStatistics, pool: WorkerPool
    ) throws(QuantizationError) -> any WeightMethod

    /// What errors of columns do; nil unless the method is made ready and lets columns make up for each
    /// other, which is the default.
    var columnErrors: ColumnErrors? { get }

    /// Quantizes one matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - scheme: Format, groups and scales.
    ///   - inputs: What flows into the layer, in the detail that ``inputDetail`` asks for; nil for
    ///     weights that nothing is multiplied with, such as an embedding. Methods that cannot do
    ///     without round to nearest then.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``QuantizationError``, for example for the first weight that is no number.
    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor

    /// Packs one matrix as codes or in blocks.
    ///
    /// By default blocks have the scales of least squared error, each column's counted by the mean
    /// square of its inputs if they are given, and values are rounded to nearest.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - packing: One that fits the columns.
    ///   - inputs: As for ``quantize(_:scheme:inputs:pool:)``.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``QuantizationError``.
    func packed(
        _ weight: any WeightMatrix, as packing: WeightPacking, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> PackedWeight
}

extension WeightMethod {
    /// Nothing makes up for errors.
    public var columnErrors: ColumnErrors? { nil }

    /// Codes of the method; blocks rounded to nearest.
    public func packed(
        _ weight: any WeightMatrix, as packing: WeightPacking, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> PackedWeight {
        switch packing {
        case .codes(let scheme):
            .codes(try quantize(weight, scheme: scheme, inputs: inputs, pool: pool))
        case .blocks(let type):
            .blocks(
                try BlockMatrix(
                    weight, as: type, importance: inputs?.meanSquares, pool: pool))
        }
    }

    /// The method as it is.
    public func prepared(
        for inputs: InputStatistics, pool: WorkerPool
    ) throws(QuantizationError) -> any WeightMethod { self }

    /// Quantizes a tensor `[rows, columns]` on the calling thread.
    public func quantize(
        _ weight: Tensor, scheme: WeightScheme, inputs: InputStatistics? = nil
    ) throws(QuantizationError) -> QuantizedTensor {
        return try quantize(
            weight.weightMatrix(), scheme: scheme, inputs: inputs, pool: WorkerPool(threads: 1))
    }
}

extension Tensor {
    /// The matrix `[rows, columns]` that this is, in the form in which weights are multiplied.
    public func weightMatrix() -> any WeightMatrix {
        precondition(shape.count == 2, "shape \(shape) is not that of a matrix")
        do {
            return try DecodedMatrix(
                Array(elements), rows: shape[0], columns: shape[1], byteCount: 4 * count,
                formatName: "F32")
        } catch {
            preconditionFailure("floats make a matrix: \(error)")
        }
    }
}
