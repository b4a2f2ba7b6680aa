import COpenBLAS

// LAPACK stores by columns: what it sees of a matrix is the transpose.

extension DenseMatrix {
    /// The lower triangular `L` with `L·Lᵀ` equal to the matrix; zeros above the diagonal.
    ///
    /// Only the lower triangle of the matrix is read.
    ///
    /// - Throws: ``LinearAlgebraError/notPositiveDefinite(order:size:)`` when there is none,
    ///   ``LinearAlgebraError/notFinite(row:column:)``.
    /// - Complexity: n³/3 multiplications.
    public func cholesky() throws(LinearAlgebraError) -> DenseMatrix {
        try checkSquare()
        guard rows > 0 else { return self }
        openblas_set_num_threads(1)
        var result = self
        var n = blasint(rows)
        var info: blasint = 0
        unsafe result.elements.withUnsafeMutableBufferPointer { a in
            unsafe LapackLetter.with("U") { upper in
                unsafe Scalar.routines.potrf(upper, &n, a.baseAddress, &n, &info, 1)
            }
        }
        guard info == 0 else { throw .notPositiveDefinite(order: Int(info), size: rows) }
        return result.triangle(isUpper: false)
    }

    /// The solution `X` of `L·Lᵀ·X = B` for the lower triangular matrix `L` that this is.
    ///
    /// - Parameter right: `B`, of as many rows.
    public func choleskySolve(_ right: DenseMatrix) -> DenseMatrix {
        precondition(rows == columns && right.rows == rows)
        guard !right.elements.isEmpty else { return right }
        openblas_set_num_threads(1)
        var b = right.transposed
        var (n, k, info) = (blasint(rows), blasint(right.columns), blasint(0))
        unsafe elements.withUnsafeBufferPointer { a in
            unsafe b.elements.withUnsafeMutableBufferPointer { b in
                unsafe LapackLetter.with("U") { upper in
                    unsafe Scalar.routines.potrs(
                        upper, &n, &k, a.baseAddress, &n, b.baseAddress, &n, &info, 1)
                }
            }
        }
        return b.transposed
    }

    /// The solution `X` of `T·X = B` or `Tᵀ·X = B` for the triangle `T` of this matrix.
    ///
    /// - Parameters:
    ///   - right: `B`, of as many rows.
    ///   - isUpper: Which triangle is read.
    ///   - isTransposed: Whether `Tᵀ` is meant.
    ///   - hasUnitDiagonal: Whether ones are taken for the diagonal.
    /// - Throws: ``LinearAlgebraError/singular(pivot:size:)`` for a zero on the diagonal.
    public func triangularSolve(
        _ right: DenseMatrix, isUpper: Bool, isTransposed: Bool = false,
        hasUnitDiagonal: Bool = false
    ) throws(LinearAlgebraError) -> DenseMatrix {
        precondition(rows == columns && right.rows == rows)
        guard !right.elements.isEmpty else { return right }
        openblas_set_num_threads(1)
        var b = right.transposed
        var (n, k, info) = (blasint(rows), blasint(right.columns), blasint(0))
        let letters =
            (isUpper ? "L" : "U") + (isTransposed ? "N" : "T") + (hasUnitDiagonal ? "U" : "N")
        unsafe elements.withUnsafeBufferPointer { a in
            unsafe b.elements.withUnsafeMutableBufferPointer { b in
                unsafe LapackLetter.with(letters) { letters in
                    unsafe Scalar.routines.trtrs(
                        letters, letters + 1, letters + 2, &n, &k, a.baseAddress, &n, b.baseAddress,
                        &n, &info, 1, 1, 1)
                }
            }
        }
        guard info == 0 else { throw .singular(pivot: Int(info) - 1, size: rows) }
        return b.transposed
    }

    /// The solution `X` of `A·X = B` for the square matrix `A` that this is, by elimination with
    /// row exchanges.
    ///
    /// - Parameter right: `B`, of as many rows.
    /// - Throws: ``LinearAlgebraError/singular(pivot:size:)``,
    ///   ``LinearAlgebraError/notFinite(row:column:)``.
    public func solve(_ right: DenseMatrix) throws(LinearAlgebraError) -> DenseMatrix {
        precondition(right.rows == rows)
        var (factors, pivots) = try factorized()
        guard !right.elements.isEmpty else { return right }
        var b = right.transposed
        var (n, k, info) = (blasint(rows), blasint(right.columns), blasint(0))
        unsafe factors.withUnsafeMutableBufferPointer { a in
            unsafe b.elements.withUnsafeMutableBufferPointer { b in
                unsafe LapackLetter.with("T") { transposed in
                    unsafe Scalar.routines.getrs(
                        transposed, &n, &k, a.baseAddress, &n, &pivots, b.baseAddress, &n, &info, 1)
                }
            }
        }
        return b.transposed
    }

    /// The inverse of a square matrix.
    ///
    /// - Throws: ``LinearAlgebraError/singular(pivot:size:)``,
    ///   ``LinearAlgebraError/notFinite(row:column:)``.
    public func inverse() throws(LinearAlgebraError) -> DenseMatrix {
        var (factors, pivots) = try factorized()
        guard rows > 0 else { return self }
        var (n, info) = (blasint(rows), blasint(0))
        var length = blasint(rows * 64)
        var work = [Scalar](repeating: 0, count: rows * 64)
        unsafe factors.withUnsafeMutableBufferPointer { a in
            unsafe work.withUnsafeMutableBufferPointer { work in
                unsafe Scalar.routines.getri(
                    &n, a.baseAddress, &n, &pivots, work.baseAddress, &length, &info)
            }
        }
        guard info == 0 else { throw .singular(pivot: Int(info) - 1, size: rows) }
        return DenseMatrix(rows: rows, columns: rows, elements: factors)
    }

    /// The factors of the transpose and the row exchanges.
    private func factorized() throws(LinearAlgebraError) -> ([Scalar], [blasint]) {
        try checkSquare()
        openblas_set_num_threads(1)
        var factors = elements
        var pivots = [blasint](repeating: 0, count: max(rows, 1))
        var (n, info) = (blasint(rows), blasint(0))
        guard rows > 0 else { return (factors, pivots) }
        unsafe factors.withUnsafeMutableBufferPointer { a in
            unsafe Scalar.routines.getrf(&n, &n, a.baseAddress, &n, &pivots, &info)
        }
        guard info == 0 else { throw .singular(pivot: Int(info) - 1, size: rows) }
        return (factors, pivots)
    }
}
