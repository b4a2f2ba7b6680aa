import COpenBLAS

extension DenseMatrix {
    /// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix:
    /// `A = V·diag(values)·Vᵀ` with the vectors in the columns of `V`.
    ///
    /// Only the lower triangle of the matrix is read. The sign of a vector is the library's.
    ///
    /// - Throws: ``LinearAlgebraError/notFinite(row:column:)``,
    ///   ``LinearAlgebraError/notConverged(routine:)``.
    public func symmetricEigen() throws(LinearAlgebraError) -> (
        values: [Scalar], vectors: DenseMatrix
    ) {
        try checkSquare()
        guard rows > 0 else { return ([], self) }
        openblas_set_num_threads(1)
        var vectors = self
        var values = [Scalar](repeating: 0, count: rows)
        var (n, info) = (blasint(rows), blasint(0))
        var length = blasint(1 + 6 * rows + 2 * rows * rows)
        var integerLength = blasint(3 + 5 * rows)
        var work = [Scalar](repeating: 0, count: Int(length))
        var integers = [blasint](repeating: 0, count: Int(integerLength))
        unsafe vectors.elements.withUnsafeMutableBufferPointer { a in
            unsafe values.withUnsafeMutableBufferPointer { values in
                unsafe work.withUnsafeMutableBufferPointer { work in
                    unsafe LapackLetter.with("VU") { letters in
                        unsafe Scalar.routines.syevd(
                            letters, letters + 1, &n, a.baseAddress, &n, values.baseAddress,
                            work.baseAddress, &length, &integers, &integerLength, &info, 1, 1)
                    }
                }
            }
        }
        guard info == 0 else { throw .notConverged(routine: "symmetricEigen") }
        return (values, vectors.transposed)
    }

    /// The thin singular value decomposition `A = U·diag(values)·Vᵀ`: with `k` the smaller side,
    /// `U` is `[rows, k]`, the values descend and `vTransposed` is `[k, columns]`.
    ///
    /// - Throws: ``LinearAlgebraError/notFinite(row:column:)``,
    ///   ``LinearAlgebraError/notConverged(routine:)``.
    public func singularValues() throws(LinearAlgebraError) -> (
        u: DenseMatrix, values: [Scalar], vTransposed: DenseMatrix
    ) {
        try checkFinite()
        let k = min(rows, columns)
        var u = DenseMatrix(rows: rows, columns: k)
        var v = DenseMatrix(rows: k, columns: columns)
        var values = [Scalar](repeating: 0, count: k)
        guard k > 0 else { return (u, values, v) }
        openblas_set_num_threads(1)
        var a = elements
        // The library decomposes the transpose, of `columns` rows; its V is our U.
        var (m, n, rank, info) = (blasint(columns), blasint(rows), blasint(k), blasint(0))
        let needed = 4 * k * k + 7 * k + max(rows, columns) + 64 * (rows + columns)
        var length = blasint(needed)
        var work = [Scalar](repeating: 0, count: needed)
        var integers = [blasint](repeating: 0, count: 8 * k)
        unsafe a.withUnsafeMutableBufferPointer { a in
            unsafe values.withUnsafeMutableBufferPointer { values in
                unsafe v.elements.withUnsafeMutableBufferPointer { v in
                    unsafe u.elements.withUnsafeMutableBufferPointer { u in
                        unsafe work.withUnsafeMutableBufferPointer { work in
                            unsafe LapackLetter.with("S") { thin in
                                unsafe Scalar.routines.gesdd(
                                    thin, &m, &n, a.baseAddress, &m, values.baseAddress,
                                    v.baseAddress, &m, u.baseAddress, &rank, work.baseAddress,
                                    &length, &integers, &info, 1)
                            }
                        }
                    }
                }
            }
        }
        guard info == 0 else { throw .notConverged(routine: "singularValues") }
        return (u, values, v)
    }

    /// The thin decomposition `A = Q·R`: with `k` the smaller side, `Q` is `[rows, k]` with
    /// orthonormal columns and `R` is `[k, columns]`, zero below the diagonal.
    ///
    /// The signs are the library's: the diagonal of `R` may be negative.
    ///
    /// - Throws: ``LinearAlgebraError/notFinite(row:column:)``.
    public func orthogonalTriangular() throws(LinearAlgebraError) -> (
        q: DenseMatrix, r: DenseMatrix
    ) {
        try checkFinite()
        var k = blasint(min(rows, columns))
        guard k > 0 else {
            return (
                DenseMatrix(rows: rows, columns: 0), DenseMatrix(rows: 0, columns: columns)
            )
        }
        openblas_set_num_threads(1)
        var a = transposed
        var (m, n, info) = (blasint(rows), blasint(columns), blasint(0))
        var tau = [Scalar](repeating: 0, count: Int(k))
        var length = blasint(64 * max(rows, columns))
        var work = [Scalar](repeating: 0, count: Int(length))
        var r = DenseMatrix(rows: Int(k), columns: columns)
        unsafe a.elements.withUnsafeMutableBufferPointer { a in
            unsafe tau.withUnsafeMutableBufferPointer { tau in
                unsafe work.withUnsafeMutableBufferPointer { work in
                    unsafe Scalar.routines.geqrf(
                        &m, &n, a.baseAddress, &m, tau.baseAddress, work.baseAddress, &length,
                        &info)
                    for row in 0..<Int(k) {
                        for column in row..<columns {
                            r.elements[row * columns + column] = unsafe a[column * rows + row]
                        }
                    }
                    unsafe Scalar.routines.orgqr(
                        &m, &k, &k, a.baseAddress, &m, tau.baseAddress, work.baseAddress, &length,
                        &info)
                }
            }
        }
        let q = DenseMatrix(
            rows: Int(k), columns: rows, elements: Array(a.elements[..<(Int(k) * rows)]))
        return (q.transposed, r)
    }

    /// The `X` of least norm among those that make `‖A·X − B‖` least, and the rank of `A`.
    ///
    /// - Parameters:
    ///   - right: `B`, of as many rows.
    ///   - tolerance: Singular values below this share of the largest count as zero; nil means
    ///     the number type's precision.
    /// - Returns: `X`, of `columns` rows, and how many singular values were not zero.
    /// - Throws: ``LinearAlgebraError/notFinite(row:column:)``,
    ///   ``LinearAlgebraError/notConverged(routine:)``.
    public func leastSquares(
        _ right: DenseMatrix, tolerance: Scalar? = nil
    ) throws(LinearAlgebraError) -> (solution: DenseMatrix, rank: Int) {
        precondition(right.rows == rows)
        try checkFinite()
        try right.checkFinite()
        let (small, large) = (min(rows, columns), max(rows, columns))
        guard small > 0, right.columns > 0 else {
            return (DenseMatrix(rows: columns, columns: right.columns), 0)
        }
        openblas_set_num_threads(1)
        var a = transposed
        // The right side and the solution share memory, by columns of the longer length.
        var b = DenseMatrix(rows: right.columns, columns: large)
        for row in 0..<rows {
            for column in 0..<right.columns { b[column, row] = right[row, column] }
        }
        var (m, n, k) = (blasint(rows), blasint(columns), blasint(right.columns))
        var (longer, rank, info) = (blasint(large), blasint(0), blasint(0))
        var (condition, query) = (tolerance ?? -1, Scalar(0))
        var values = [Scalar](repeating: 0, count: small)
        var length: blasint = -1
        var integers: [blasint] = [0]
        func run(_ work: UnsafeMutablePointer<Scalar>?) {
            unsafe a.elements.withUnsafeMutableBufferPointer { a in
                unsafe b.elements.withUnsafeMutableBufferPointer { b in
                    unsafe values.withUnsafeMutableBufferPointer { values in
                        unsafe Scalar.routines.gelsd(
                            &m, &n, &k, a.baseAddress, &m, b.baseAddress, &longer,
                            values.baseAddress, &condition, &rank, work, &length, &integers, &info)
                    }
                }
            }
        }
        // The first call only asks for the sizes.
        unsafe withUnsafeMutablePointer(to: &query) { unsafe run($0) }
        length = blasint(query.rounded(.up))
        integers = [blasint](repeating: 0, count: Int(max(integers[0], 1)))
        var work = [Scalar](repeating: 0, count: Int(length))
        unsafe work.withUnsafeMutableBufferPointer { unsafe run($0.baseAddress) }
        guard info == 0 else { throw .notConverged(routine: "leastSquares") }
        var solution = DenseMatrix(rows: columns, columns: right.columns)
        for row in 0..<columns {
            for column in 0..<right.columns { solution[row, column] = b[column, row] }
        }
        return (solution, Int(rank))
    }
}
