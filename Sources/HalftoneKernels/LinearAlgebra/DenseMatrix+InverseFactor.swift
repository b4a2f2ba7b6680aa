import COpenBLAS

extension DenseMatrix<Double> {
    /// The upper triangular `U` with `Uᵀ·U` equal to the inverse of the symmetric matrix that this
    /// is.
    ///
    /// - Parameter pool: The threads to use; the result does not depend on their number.
    /// - Throws: ``LinearAlgebraError/notPositiveDefinite(order:size:)``, also for elements that
    ///   are not finite.
    /// - Complexity: 2/3 n³ multiplications, 8 · n² bytes twice.
    public func upperFactorOfInverse(
        pool: WorkerPool
    ) throws(LinearAlgebraError) -> DenseMatrix {
        precondition(rows == columns, "a matrix of \(rows) × \(columns) is not square")
        // It is the inverse of the lower factor, both with rows and columns in reverse order.
        var lower = [Double](elements.reversed())
        var inverse = [Double](repeating: 0, count: elements.count)
        let failed = unsafe lower.withUnsafeMutableBufferPointer { lower in
            unsafe inverse.withUnsafeMutableBufferPointer { inverse -> Int? in
                guard let lower = lower.baseAddress, let inverse = inverse.baseAddress else {
                    return nil
                }
                let factor = unsafe TiledFactor(size: rows, lower: lower, inverse: inverse)
                return factor.run(pool)
            }
        }
        if let failed { throw .notPositiveDefinite(order: failed, size: rows) }
        return DenseMatrix(rows: rows, columns: columns, elements: inverse.reversed())
    }
}

/// A Cholesky factor and its inverse, by square tiles: threads share the tiles of a column that do
/// not depend on each other, and each tile sees its operations in the same order always.
@safe
private struct TiledFactor: @unchecked Sendable {
    private let size: Int
    private let tiles: Int
    /// The matrix, then its lower factor, row after row.
    private let lower: UnsafeMutablePointer<Double>
    /// Zeros, then the inverse of the factor.
    private let inverse: UnsafeMutablePointer<Double>

    private static let tile = 128

    @unsafe
    init(size: Int, lower: UnsafeMutablePointer<Double>, inverse: UnsafeMutablePointer<Double>) {
        self.size = size
        unsafe self.lower = unsafe lower
        unsafe self.inverse = unsafe inverse
        tiles = (size + Self.tile - 1) / Self.tile
    }

    /// Computes both.
    ///
    /// - Returns: The order of the first block that has no factor; nil when all have one.
    func run(_ pool: WorkerPool) -> Int? {
        // One BLAS thread per caller: the pool decides who computes.
        openblas_set_num_threads(1)
        for step in 0..<tiles {
            if let failed = factorize(step) { return failed }
            let rest = step + 1..<tiles
            pool.run(parts: rest.count) { solve(row: rest.lowerBound + $0, step) }
            let pairs = rest.flatMap { row in (rest.lowerBound...row).map { (row, $0) } }
            pool.run(parts: pairs.count) { update(row: pairs[$0].0, column: pairs[$0].1, step) }
        }
        pool.run(parts: tiles) { invert(column: $0) }
        return nil
    }

    private func count(_ tile: Int) -> blasint { blasint(min(Self.tile, size - tile * Self.tile)) }

    private func place(_ row: Int, _ column: Int) -> Int {
        (row * size + column) * Self.tile
    }

    /// Factorizes a tile of the diagonal and begins its inverse.
    private func factorize(_ step: Int) -> Int? {
        var (n, stride, info) = (count(step), blasint(size), blasint(0))
        let tile = unsafe lower + place(step, step)
        unsafe LapackLetter.with("U") { unsafe dpotrf_($0, &n, tile, &stride, &info, 1) }
        guard info == 0 else { return step * Self.tile + Int(info) }
        let own = unsafe inverse + place(step, step)
        for row in 0..<Int(n) {
            guard unsafe tile[row * size + row].isFinite else {
                return step * Self.tile + row + 1
            }
            unsafe (own + row * size).update(from: tile + row * size, count: row + 1)
        }
        unsafe LapackLetter.with("UN") { unsafe dtrtri_($0, $0 + 1, &n, own, &stride, &info, 1, 1) }
        return nil
    }

    /// The tile of the factor in a row, right behind the factor of the diagonal.
    private func solve(row: Int, _ step: Int) {
        unsafe cblas_dtrsm(
            CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, count(row),
            count(step), 1, lower + place(step, step), blasint(size), lower + place(row, step),
            blasint(size))
    }

    /// Takes what a column of the factor explains from a later tile.
    private func update(row: Int, column: Int, _ step: Int) {
        unsafe cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, count(row), count(column), count(step), -1,
            lower + place(row, step), blasint(size), lower + place(column, step), blasint(size), 1,
            lower + place(row, column), blasint(size))
    }

    /// The tiles of the inverse in a column below the diagonal, from the top.
    private func invert(column: Int) {
        for row in column + 1..<max(tiles, column + 1) {
            let own = unsafe inverse + place(row, column)
            unsafe cblas_dgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, count(row), count(column),
                blasint((row - column) * Self.tile), -1, lower + place(row, column), blasint(size),
                inverse + place(column, column), blasint(size), 0, own, blasint(size))
            unsafe cblas_dtrsm(
                CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, count(row),
                count(column), 1, lower + place(row, row), blasint(size), own, blasint(size))
        }
    }
}
