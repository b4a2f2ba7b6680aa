import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

private typealias Matrix = DenseMatrix<Double>

/// Differences in Double of a map of matrices, against the gradient of the operation.
private func differences(
    _ x: Tensor, _ upstream: Tensor, _ body: (Matrix) throws -> Matrix
) rethrows -> [Double] {
    let (rows, columns) = (x.shape[0], x.shape[1])
    let step = 1e-5
    return try (0..<x.count).map { index in
        func value(_ shift: Double) throws -> Double {
            var elements = x.elements.map { Double($0) }
            elements[index] += shift
            let y = try body(Matrix(rows: rows, columns: columns, elements: elements))
            return zip(y.elements, upstream.elements).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        return (try value(step) - value(-step)) / (2 * step)
    }
}

@Suite struct LinearAlgebraOperationTests {
    // Matrices near a multiple of the identity, so that values and third derivatives stay small:
    // differences of step 1e-5 in Double are good to 1e-8, results round to float32.
    private let tolerance = 2e-6

    private func matrix(_ n: Int, seed: UInt64) -> Tensor {
        var result = Tensor.uniform([n, n], in: -0.5...0.5, seed: seed)
        for i in 0..<n { result[i, i] += Float(n) }
        return result
    }

    @Test(arguments: [1, 2, 5]) func gradientsAgreeWithDifferences(n: Int) throws {
        let a = matrix(n, seed: 1)
        let b = Tensor.uniform([n, 3], seed: 2)
        let square = Tensor.uniform([n, n], seed: 3)
        let flat = Tensor.uniform([n, 3], seed: 4)

        let x = a.tracked()
        let inverse = try x.inverse().gradients(for: [x], upstream: square)[0]
        let expected = try differences(a, square) { try $0.inverse() }
        #expect(checkClose(inverse.elements.array, expected, within: tolerance) == [])

        let lower = try x.cholesky().gradients(for: [x], upstream: square)[0]
        let lowerExpected = try differences(a, square) { m in
            let t = m.transposed
            return try Matrix(
                rows: n, columns: n, elements: zip(m.elements, t.elements).map { ($0 + $1) / 2 }
            ).cholesky()
        }
        #expect(checkClose(lower.elements.array, lowerExpected, within: tolerance) == [])

        let y = b.tracked()
        let solution = try x.solve(y)
        #expect(
            checkClose(
                a.matmul(solution.stopGradient()).elements.array, b.elements.map { Double($0) },
                within: 1e-5) == [])
        let both = solution.gradients(for: [x, y], upstream: flat)
        let left = try differences(a, flat) { try $0.solve(Matrix(b)) }
        let right = try differences(b, flat) { try Matrix(a).solve($0) }
        #expect(checkClose(both[0].elements.array, left, within: tolerance) == [])
        #expect(checkClose(both[1].elements.array, right, within: tolerance) == [])
    }

    @Test func leadingDimensionsAreSeparateMatrices() throws {
        let (a, b) = (matrix(3, seed: 5), matrix(3, seed: 6))
        let both = Tensor.stack([a, b])
        #expect(try both.inverse() == Tensor.stack([a.inverse(), b.inverse()]))
        #expect(try both.solve(both) == Tensor.stack([a.solve(a), b.solve(b)]))
        let x = both.tracked()
        let gradient = try x.inverse().gradient(for: x)
        let one = b.tracked()
        #expect(gradient[row: 1] == (try one.inverse().gradient(for: one)))
        let empty = Tensor.zeros([0, 3, 3])
        #expect(try empty.cholesky() == empty)
    }

    /// What depends on no sign: `U·diag(w)·Uᵀ`, `diag(s)`, `Vᵀᵀ·diag(w)·Vᵀ` and `U·diag(w)·Vᵀ`, one
    /// below another and filled up with zeros to `rows + columns` columns.
    private func signless(
        _ u: Matrix, _ values: [Double], _ v: Matrix, _ weights: [Double]
    ) -> Matrix {
        func weighed(_ matrix: Matrix) -> Matrix {
            Matrix(
                rows: matrix.rows, columns: matrix.columns,
                elements: matrix.elements.enumerated().map {
                    $1 * weights[$0 / matrix.columns]
                })
        }
        let parts = [
            weighed(u.transposed).product(u.transposed, transposed: true),
            Matrix(rows: 1, columns: values.count, elements: values),
            weighed(v).product(v, transposed: true), u.product(weighed(v)),
        ]
        let width = u.rows + v.columns
        let rows = parts.flatMap { part in
            (0..<part.rows).flatMap { row in
                (0..<width).map { $0 < part.columns ? part[row, $0] : 0 }
            }
        }
        return Matrix(rows: rows.count / width, columns: width, elements: rows)
    }

    @Test(arguments: [(3, 3), (5, 3), (3, 5), (1, 4), (4, 1)])
    func singularValuesAgreeWithDifferences(rows: Int, columns: Int) throws {
        let k = min(rows, columns)
        // Singular values near 5, 3 and 1: gaps of about 2 keep third derivatives below 10.
        var a = Tensor.uniform([rows, columns], in: -0.2...0.2, seed: 21)
        for i in 0..<k { a[i, i] += Float(5 - 2 * i) }
        let weights = (0..<k).map { 1 + 0.5 * Double($0 * $0) }
        let weight = Tensor(shape: [k, 1], elements: weights.map { Float($0) })

        let x = a.tracked()
        let parts = try x.singularValueDecomposition()
        let (u, s, v) = (parts.u, parts.values, parts.vTransposed)
        #expect(u.shape == [rows, k] && s.shape == [k] && v.shape == [k, columns])
        let back = (u.stopGradient() * s.stopGradient()).matmul(v.stopGradient())
        #expect(
            checkClose(back.elements.array, a.elements.map { Double($0) }, within: 2e-6) == [])
        let results = [
            (u * weight.transposed()).matmul(u.transposed()), s.reshaped([1, k]),
            (v * weight).transposed().matmul(v), u.matmul(v * weight),
        ].map { part in
            let missing = rows + columns - part.shape[1]
            return missing == 0
                ? part : Tensor.concatenate([part, .zeros([part.shape[0], missing])], axis: 1)
        }
        let result = Tensor.concatenate(results)
        let upstream = Tensor.uniform(result.shape, seed: 22)
        let found = result.gradients(for: [x], upstream: upstream)[0]
        let expected = try differences(a, upstream) { matrix in
            let (u, values, v) = try matrix.singularValues()
            return signless(u, values, v, weights)
        }
        // Up to 4·25 products in float32 of numbers of size 3 around the decomposition.
        #expect(checkClose(found.elements.array, expected, within: 2e-5) == [])
        // U·diag(s)·Vᵀ is the matrix itself, whose gradient is what comes in.
        let incoming = Tensor.uniform([rows, columns], seed: 26)
        let whole = (u * s).matmul(v).gradients(for: [x], upstream: incoming)[0]
        #expect(
            checkClose(whole.elements.array, incoming.elements.map { Double($0) }, within: 5e-6)
                == [])
        // Each part by itself: the values' gradient is U·diag(g)·Vᵀ.
        let slope = s.sum().gradient(for: x)
        let polar = u.stopGradient().matmul(v.stopGradient())
        #expect(
            checkClose(slope.elements.array, polar.elements.map { Double($0) }, within: 1e-6) == [])
    }

    @Test func equalSingularValuesKeepTheGradientOfThePolarFactor() throws {
        // 2, 2 and 1 in a turned frame; in float32 the pair is equal to the last bit of Double
        // because the frame permutes and flips axes.
        let a = Tensor(shape: [3, 3], elements: [0, -2, 0, 0, 0, 1, 2, 0, 0])
        let upstream = Tensor.uniform([3, 3], seed: 23)
        let x = a.tracked()
        let parts = try x.singularValueDecomposition()
        #expect(parts.values.elements == [2, 2, 1])
        // The polar factor U·Vᵀ is smooth where all values are above 0.
        let polar = parts.u.matmul(parts.vTransposed)
        let found = polar.gradients(for: [x], upstream: upstream)[0]
        let expected = try differences(a, upstream) { matrix in
            let (u, _, v) = try matrix.singularValues()
            return u.product(v)
        }
        #expect(checkClose(found.elements.array, expected, within: 5e-6) == [])
        // What does depend on them gets numbers all the same, and zeros have no slope.
        #expect(parts.u.sum().gradient(for: x).elements.allSatisfy { $0.isFinite })
        let zero = Tensor.zeros([3, 2]).tracked()
        let nothing = try zero.singularValueDecomposition()
        let product = (nothing.u * nothing.values).matmul(nothing.vTransposed)
        #expect(product.sum().gradient(for: zero).elements.allSatisfy { $0.isFinite })
    }

    @Test func singularValuesOfSeveralMatrices() throws {
        let (a, b) = (Tensor.uniform([4, 3], seed: 24), Tensor.uniform([4, 3], seed: 25))
        let both = try Tensor.stack([a, b]).singularValueDecomposition()
        let second = try b.singularValueDecomposition()
        #expect(both.values.shape == [2, 3] && both.u[row: 1] == second.u)
        #expect(both.vTransposed[row: 1] == second.vTransposed)
        let empty = try Tensor.zeros([0, 4, 3]).singularValueDecomposition()
        #expect(empty.u.shape == [0, 4, 3] && empty.values.shape == [0, 3])
        #expect(throws: LinearAlgebraError.notFinite(row: 1, column: 0)) {
            try Tensor(shape: [2, 1], elements: [1, .nan]).singularValueDecomposition()
        }
    }

    @Test func matricesWithoutAnAnswerThrow() {
        let zero = Tensor.zeros([2, 2])
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 1, size: 2)) {
            try zero.cholesky()
        }
        #expect(throws: LinearAlgebraError.singular(pivot: 0, size: 2)) { try zero.inverse() }
        #expect(throws: LinearAlgebraError.singular(pivot: 0, size: 2)) { try zero.solve(zero) }
    }
}
