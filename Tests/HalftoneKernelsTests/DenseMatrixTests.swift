import HalftoneKernels
import Testing

/// The largest distance of two matrices of the same shape.
private func distance<Scalar>(_ a: DenseMatrix<Scalar>, _ b: DenseMatrix<Scalar>) -> Double {
    guard a.rows == b.rows, a.columns == b.columns else { return .infinity }
    return zip(a.elements, b.elements).reduce(0) { max($0, abs(Double($1.0 - $1.1))) }
}

private func random<Scalar: DenseScalar>(
    _ rows: Int, _ columns: Int, seed: UInt64
) -> DenseMatrix<Scalar> {
    DenseMatrix(
        rows: rows, columns: columns,
        elements: seededValues(rows * columns, seed: seed).map { Scalar($0) })
}

/// `M·Mᵀ + n·1`: eigenvalues between n and about 3n, so that the condition is small.
private func positive<Scalar: DenseScalar>(_ n: Int, seed: UInt64) -> DenseMatrix<Scalar> {
    let m: DenseMatrix<Scalar> = random(n, n, seed: seed)
    var result = m.product(m, otherTransposed: true)
    for i in 0..<n { result[i, i] += Scalar(n) }
    return result
}

/// 30·n units of the type bound the backward errors of all factorizations here, which are below
/// a small multiple of n units of the norm; entries are below 2n.
private func bound<Scalar: DenseScalar>(_ type: Scalar.Type, _ n: Int) -> Double {
    Double(Scalar.ulpOfOne) * 30 * Double(n) * Double(2 * n + 1)
}

private let sizes = [1, 2, 3, 7, 16, 65]

@Suite struct DenseMatrixTests {
    @Test(arguments: sizes) func factorsAndSolutions(n: Int) throws {
        try check(Double.self, n)
        try check(Float.self, n)
    }

    private func check<Scalar: DenseScalar>(_ type: Scalar.Type, _ n: Int) throws {
        let bound = bound(type, n)
        let a: DenseMatrix<Scalar> = positive(n, seed: 1)
        let b: DenseMatrix<Scalar> = random(n, 3, seed: 2)

        let lower = try a.cholesky()
        #expect(distance(lower.product(lower, otherTransposed: true), a) <= bound)
        #expect(lower == lower.triangle(isUpper: false))
        #expect(distance(a.product(lower.choleskySolve(b)), b) <= bound)
        let half = try lower.triangularSolve(b, isUpper: false)
        #expect(distance(lower.product(half), b) <= bound)
        let other = try lower.triangularSolve(half, isUpper: false, isTransposed: true)
        #expect(distance(a.product(other), b) <= bound)
        let upper = lower.transposed
        #expect(distance(upper.product(try upper.triangularSolve(b, isUpper: true)), b) <= bound)
        // Small below the diagonal, so that the solution does not grow.
        var unit = lower
        for i in 0..<n { for j in 0..<n { unit[i, j] = i == j ? 1 : lower[i, j] / Scalar(n) } }
        let solved = try unit.triangularSolve(b, isUpper: false, hasUnitDiagonal: true)
        #expect(distance(unit.product(solved), b) <= bound)

        var general: DenseMatrix<Scalar> = random(n, n, seed: 3)
        for i in 0..<n { general[i, i] += Scalar(n) }
        #expect(distance(general.product(try general.solve(b)), b) <= bound)
        #expect(distance(general.product(try general.inverse()), .identity(n)) <= bound)
    }

    @Test(arguments: sizes) func eigenvaluesAndVectors(n: Int) throws {
        let m: DenseMatrix<Double> = random(n, n, seed: 4)
        let a = symmetric(m)
        let (values, vectors) = try a.symmetricEigen()
        #expect(values == values.sorted())
        #expect(
            distance(vectors.product(vectors, transposed: true), .identity(n))
                <= bound(Double.self, n))
        var scaled = vectors
        for i in 0..<n { for j in 0..<n { scaled[i, j] *= values[j] } }
        #expect(distance(scaled, a.product(vectors)) <= bound(Double.self, n))
    }

    private func symmetric(_ m: DenseMatrix<Double>) -> DenseMatrix<Double> {
        let t = m.transposed
        return DenseMatrix(
            rows: m.rows, columns: m.columns, elements: zip(m.elements, t.elements).map { $0 + $1 })
    }

    @Test(arguments: [(1, 1), (5, 3), (3, 5), (20, 20), (40, 7), (7, 40)])
    func singularValuesQRAndLeastSquares(rows: Int, columns: Int) throws {
        let a: DenseMatrix<Double> = random(rows, columns, seed: 5)
        let k = min(rows, columns)
        let bound = bound(Double.self, max(rows, columns))

        let (u, values, v) = try a.singularValues()
        #expect(values == values.sorted(by: >) && values.allSatisfy { $0 >= 0 })
        #expect(distance(u.product(u, transposed: true), .identity(k)) <= bound)
        #expect(distance(v.product(v, otherTransposed: true), .identity(k)) <= bound)
        var scaled = u
        for i in 0..<rows { for j in 0..<k { scaled[i, j] *= values[j] } }
        #expect(distance(scaled.product(v), a) <= bound)

        let (q, r) = try a.orthogonalTriangular()
        #expect(distance(q.product(q, transposed: true), .identity(k)) <= bound)
        #expect(distance(q.product(r), a) <= bound)
        #expect(r == r.triangle(isUpper: true))

        let b: DenseMatrix<Double> = random(rows, 2, seed: 6)
        let (x, rank) = try a.leastSquares(b)
        #expect(rank == k && x.rows == columns && x.columns == 2)
        // The residual is orthogonal to the columns, and X lies in the row space.
        let fitted = a.product(x)
        var residual = b
        for i in 0..<rows { for j in 0..<2 { residual[i, j] -= fitted[i, j] } }
        let normal = a.product(residual, transposed: true)
        #expect(normal.elements.allSatisfy { abs($0) <= bound * 100 })
        let projected = v.product(v.product(x), transposed: true)
        #expect(distance(projected, x) <= bound * 100)
    }

    @Test func rankIsThatOfTheMatrix() throws {
        let a: DenseMatrix<Double> = random(6, 2, seed: 7)
        let deficient = a.product(random(2, 5, seed: 8))
        #expect(try deficient.leastSquares(random(6, 1, seed: 9), tolerance: 1e-10).rank == 2)
    }

    /// Sizes of one tile, of some, and with a rest; `U·A·Uᵀ` is then the identity.
    @Test(arguments: [1, 2, 65, 128, 129, 300]) func factorOfTheInverse(n: Int) throws {
        let a: DenseMatrix<Double> = positive(n, seed: 10)
        let upper = try a.upperFactorOfInverse(pool: WorkerPool(threads: 1))
        #expect(upper == upper.triangle(isUpper: true))
        let one = upper.product(a).product(upper, otherTransposed: true)
        #expect(distance(one, .identity(n)) <= bound(Double.self, n))
        #expect(try upper == a.upperFactorOfInverse(pool: WorkerPool(threads: 3)))

        var broken = a
        broken[0, 0] = -1
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: n, size: n)) {
            try broken.upperFactorOfInverse(pool: .shared)
        }
        broken[0, 0] = .nan
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: n, size: n)) {
            try broken.upperFactorOfInverse(pool: .shared)
        }
    }

    @Test func whatCannotBeFactorizedIsSaid() {
        let indefinite = DenseMatrix<Double>(rows: 2, columns: 2, elements: [1, 2, 2, 1])
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2, size: 2)) {
            try indefinite.cholesky()
        }
        let singular = DenseMatrix<Float>(rows: 2, columns: 2, elements: [1, 2, 2, 4])
        #expect(throws: LinearAlgebraError.singular(pivot: 1, size: 2)) { try singular.inverse() }
        #expect(throws: LinearAlgebraError.singular(pivot: 1, size: 2)) {
            try singular.solve(singular)
        }
        let broken = DenseMatrix<Float>(rows: 1, columns: 3, elements: [1, .nan, 0])
        #expect(throws: LinearAlgebraError.notFinite(row: 0, column: 1)) {
            try broken.singularValues()
        }
        let message = LinearAlgebraError.notPositiveDefinite(order: 2, size: 3).description
        #expect(message.contains("3 × 3") && message.contains("2 rows"))
    }

    @Test func emptyMatricesHaveEmptyFactors() throws {
        let empty = DenseMatrix<Double>(rows: 0, columns: 0)
        #expect(try empty.cholesky() == empty && empty.inverse() == empty)
        #expect(try empty.symmetricEigen().values.isEmpty)
        let flat = DenseMatrix<Double>(rows: 3, columns: 0)
        #expect(try flat.singularValues().values.isEmpty)
        #expect(try flat.leastSquares(DenseMatrix(rows: 3, columns: 1)).rank == 0)
    }
}
