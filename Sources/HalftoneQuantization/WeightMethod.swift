import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// Turns float weights into codes.
public protocol WeightMethod: Sendable {
    /// Quantizes one matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes.
    ///   - scheme: Format, groups and scales.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``QuantizationError``, for example for the first weight that is no number.
    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor
}

extension WeightMethod {
    /// Quantizes a tensor `[rows, columns]` on the calling thread.
    public func quantize(
        _ weight: Tensor, scheme: WeightScheme
    ) throws(QuantizationError) -> QuantizedTensor {
        precondition(weight.shape.count == 2, "shape \(weight.shape) is not that of a matrix")
        let bytes = Bytes(count: weight.count * 4) { span in
            let values = weight.elements.span
            for index in values.indices {
                span.storeBytes(
                    of: values[index].bitPattern.littleEndian, toByteOffset: 4 * index,
                    as: UInt32.self)
            }
        }
        let matrix: BlockMatrix
        do {
            matrix = try BlockMatrix(
                type: .f32, rows: weight.shape[0], columns: weight.shape[1], bytes: bytes)
        } catch {
            throw .badParts("\(error)")
        }
        return try quantize(matrix, scheme: scheme, pool: WorkerPool(threads: 1))
    }
}
