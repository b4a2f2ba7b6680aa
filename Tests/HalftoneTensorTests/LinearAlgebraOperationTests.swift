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

    @Test func matricesWithoutAnAnswerThrow() {
        let zero = Tensor.zeros([2, 2])
        #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 1, size: 2)) {
            try zero.cholesky()
        }
        #expect(throws: LinearAlgebraError.singular(pivot: 0, size: 2)) { try zero.inverse() }
        #expect(throws: LinearAlgebraError.singular(pivot: 0, size: 2)) { try zero.solve(zero) }
    }
}
