import HalftoneKernels

// Computed in float64 matrix by matrix, and rounded to float32 once.

extension DenseMatrix {
    /// A matrix of a tensor `[rows, columns]`.
    public init(_ tensor: Tensor) {
        precondition(tensor.rank == 2, "a matrix has 2 dimensions, not shape \(tensor.shape)")
        self.init(
            rows: tensor.shape[0], columns: tensor.shape[1],
            elements: tensor.elements.map { Scalar($0) })
    }
}

extension Tensor {
    /// A tensor `[rows, columns]` of a matrix, rounded to float32.
    public init<Scalar: DenseScalar>(_ matrix: DenseMatrix<Scalar>) {
        self.init(
            shape: [matrix.rows, matrix.columns],
            elements: FloatArray(matrix.elements.lazy.map { Float($0) }))
    }

    /// The lower triangular `L` with `L·Lᵀ` equal to each matrix of `[…, n, n]`.
    ///
    /// A matrix that is not symmetric counts as the mean of itself and its transpose, so that the
    /// gradient is symmetric and true for every element.
    ///
    /// Gradient: I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527,
    /// equation 10.
    ///
    /// - Throws: `LinearAlgebraError.notPositiveDefinite` for the first matrix that is not
    ///   positive definite, or `.notFinite`.
    public func cholesky() throws(LinearAlgebraError) -> Tensor {
        let input = matrices()
        var factors: [DenseMatrix<Double>] = []
        for matrix in input { factors.append(try matrix.symmetricPart.cholesky()) }
        let (lower, size) = (factors, shape[rank - 1])
        return Self.recorded(shape, Self.joined(factors), from: [self]) { step in
            let upstream = Tensor(shape: [lower.count, size, size], elements: step.takeUpstream())
            let gradients = zip(lower, upstream.matrices()).map { lower, upstream in
                var middle = lower.product(upstream, transposed: true).triangle(isUpper: false)
                for index in 0..<size { middle[index, index] /= 2 }
                // L⁻ᵀ · middle · L⁻¹; the diagonal of L is positive.
                let left = lower.backSolved(middle)
                return lower.backSolved(left.transposed).transposed.symmetricPart
            }
            step.add(Self.joined(gradients), to: 0)
        }
    }

    /// The inverse of each matrix of `[…, n, n]`.
    ///
    /// - Throws: `LinearAlgebraError.singular` for the first matrix that has none, or `.notFinite`.
    public func inverse() throws(LinearAlgebraError) -> Tensor {
        var inverses: [DenseMatrix<Double>] = []
        for matrix in matrices() { inverses.append(try matrix.inverse()) }
        let (results, size) = (inverses, shape[rank - 1])
        return Self.recorded(shape, Self.joined(inverses), from: [self]) { step in
            let upstream = Tensor(
                shape: [results.count, size, size], elements: step.takeUpstream())
            let gradients = zip(results, upstream.matrices()).map { inverse, upstream in
                // −Yᵀ·G·Yᵀ.
                inverse.product(upstream, transposed: true).product(inverse, otherTransposed: true)
                    .negated
            }
            step.add(Self.joined(gradients), to: 0)
        }
    }

    /// The solution `X` of `A·X = B` for each matrix `A` of `[…, n, n]`.
    ///
    /// - Parameter right: `B`, `[…, n, columns]` with the same leading dimensions.
    /// - Throws: `LinearAlgebraError.singular` for the first matrix without a solution, or
    ///   `.notFinite`.
    public func solve(_ right: Tensor) throws(LinearAlgebraError) -> Tensor {
        precondition(
            right.rank == rank && right.shape.dropLast() == shape.dropLast(),
            "shape \(right.shape) is no right side for \(shape)")
        let (left, sides) = (matrices(), right.matrices())
        var solutions: [DenseMatrix<Double>] = []
        for (matrix, side) in zip(left, sides) { solutions.append(try matrix.solve(side)) }
        let (results, shape) = (solutions, right.shape)
        return Self.recorded(shape, Self.joined(solutions), from: [self, right]) { step in
            let upstream = Tensor(shape: shape, elements: step.takeUpstream()).matrices()
            var (lefts, rights) = ([DenseMatrix<Double>](), [DenseMatrix<Double>]())
            for (index, matrix) in left.enumerated() {
                // B: A⁻ᵀ·G; A: minus that times Xᵀ. What was solved can be solved transposed, but
                // for a pivot that underflows only there: no number is then right.
                let side =
                    (try? matrix.transposed.solve(upstream[index]))
                    ?? upstream[index].filled(with: .nan)
                rights.append(side)
                lefts.append(side.product(results[index], otherTransposed: true).negated)
            }
            step.add(Self.joined(lefts), to: 0)
            step.add(Self.joined(rights), to: 1)
        }
    }

    /// The matrices of `[…, rows, columns]`, in float64.
    func matrices() -> [DenseMatrix<Double>] {
        precondition(rank >= 2, "matrices have 2 dimensions at least, not shape \(shape)")
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let size = rows * columns
        return (0..<shape.dropLast(2).reduce(1, *)).map { index in
            DenseMatrix(
                rows: rows, columns: columns,
                elements: elements[index * size..<(index + 1) * size].map { Double($0) })
        }
    }

    static func joined(_ matrices: [DenseMatrix<Double>]) -> FloatArray {
        FloatArray(matrices.lazy.flatMap { $0.elements.lazy.map { Float($0) } })
    }
}

extension DenseMatrix {
    fileprivate func mapped(_ body: (Scalar) -> Scalar) -> DenseMatrix {
        DenseMatrix(rows: rows, columns: columns, elements: elements.map(body))
    }

    fileprivate var negated: DenseMatrix { mapped { -$0 } }

    fileprivate func filled(with value: Scalar) -> DenseMatrix { mapped { _ in value } }

    /// The mean of the matrix and its transpose.
    fileprivate var symmetricPart: DenseMatrix {
        DenseMatrix(
            rows: rows, columns: columns,
            elements: zip(elements, transposed.elements).map { ($0 + $1) / 2 })
    }

    /// `L⁻ᵀ·B` for the factor `L` of a Cholesky decomposition, whose diagonal has no zero.
    fileprivate func backSolved(_ right: DenseMatrix) -> DenseMatrix {
        (try? triangularSolve(right, isUpper: false, isTransposed: true))
            ?? right.filled(with: .nan)
    }
}
