extension DenseMatrix {
    /// The product `left · right` of a rank that is nearest to the matrix in squared error, with
    /// the root of each singular value on both sides: `[rows, rank]` and `[rank, columns]`.
    ///
    /// The vectors of the smaller side are eigenvectors of its second moments, so that only they
    /// are computed; those of the other side follow by a product, which keeps the approximation as
    /// good where singular values are small.
    ///
    /// - Parameter rank: 0 to the smaller side.
    /// - Throws: ``LinearAlgebraError/notFinite(row:column:)``,
    ///   ``LinearAlgebraError/notConverged(routine:)``.
    /// - Complexity: O(rows · columns · k + k³) with k the smaller side.
    public func lowRankFactors(
        _ rank: Int
    ) throws(LinearAlgebraError) -> (left: DenseMatrix, right: DenseMatrix) {
        precondition((0...min(rows, columns)).contains(rank), "a rank of \(rank)")
        try checkFinite()
        let isTall = columns <= rows
        let moments = product(self, transposed: isTall, otherTransposed: !isTall)
        let eigen = try moments.symmetricEigen().vectors
        let side = eigen.rows
        // Eigenvalues ascend: the last vectors are the leading ones.
        var vectors = DenseMatrix(rows: side, columns: rank)
        for row in 0..<side {
            for k in 0..<rank { vectors[row, k] = eigen[row, side - 1 - k] }
        }
        // [longer side, rank]
        var others = product(vectors, transposed: !isTall)
        for k in 0..<rank {
            var square: Scalar = 0
            for row in 0..<others.rows { square += others[row, k] * others[row, k] }
            let root = square.squareRoot().squareRoot()
            for row in 0..<side { vectors[row, k] *= root }
            for row in 0..<others.rows { others[row, k] = root > 0 ? others[row, k] / root : 0 }
        }
        return isTall ? (others, vectors.transposed) : (vectors, others.transposed)
    }
}
