import COpenBLAS

/// Updates of rows by products with a part of a larger matrix.
package enum RowUpdate {
    /// `target −= first · second`, on the calling thread.
    ///
    /// - Parameters:
    ///   - first: `[rows, depth]`.
    ///   - rows: Rows of the target.
    ///   - depth: Columns of `first`, rows of `second`.
    ///   - second: Holds `[depth, count]` from an offset on, its rows a stride apart.
    ///   - count: Columns of the target that change.
    ///   - target: Holds `[rows, count]` from an offset on, its rows a stride apart.
    package static func subtract(
        _ first: [Float], rows: Int, depth: Int, _ second: FloatArray, at secondOffset: Int,
        stride secondStride: Int, count: Int, from target: inout [Float], at targetOffset: Int,
        stride targetStride: Int
    ) {
        guard rows > 0, depth > 0, count > 0 else { return }
        precondition(first.count >= rows * depth, "the first factor is there")
        precondition(secondOffset >= 0 && targetOffset >= 0)
        precondition(secondOffset + (depth - 1) * secondStride + count <= second.count)
        precondition(targetOffset + (rows - 1) * targetStride + count <= target.count)
        unsafe first.withUnsafeBufferPointer { a in
            unsafe target.withUnsafeMutableBufferPointer { c in
                unsafe cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(count),
                    blasint(depth), -1, a.baseAddress!, blasint(depth),
                    second.pointer + secondOffset, blasint(secondStride), 1,
                    c.baseAddress! + targetOffset, blasint(targetStride))
            }
        }
    }

    /// `target −= factor · second` along a row, on the calling thread.
    ///
    /// - Parameters:
    ///   - factor: One number.
    ///   - second: Holds the row from an offset on.
    ///   - count: Elements of it.
    ///   - target: Holds `count` elements from an offset on.
    package static func subtract(
        _ factor: Float, _ second: FloatArray, at secondOffset: Int, count: Int,
        from target: inout [Float], at targetOffset: Int
    ) {
        guard count > 0 else { return }
        precondition(secondOffset >= 0 && secondOffset + count <= second.count)
        precondition(targetOffset >= 0 && targetOffset + count <= target.count)
        unsafe target.withUnsafeMutableBufferPointer {
            unsafe cblas_saxpy(
                blasint(count), -factor, second.pointer + secondOffset, 1,
                $0.baseAddress! + targetOffset, 1)
        }
    }
}
