import HalftoneKernels

extension Tensor {
    /// The parts `U·diag(s)·Vᵀ` of each matrix of `[…, rows, columns]`, with `k` the smaller side.
    public struct SingularValues: Sendable {
        /// `[…, rows, k]`, with orthonormal columns.
        public let u: Tensor
        /// `[…, k]`, at least 0, the largest first.
        public let values: Tensor
        /// `[…, k, columns]`, with orthonormal rows.
        public let vTransposed: Tensor
    }

    /// The thin singular value decomposition of each matrix of `[…, rows, columns]`.
    ///
    /// The signs of a column of `U` and the row of `Vᵀ` that belongs to it are the library's: only
    /// what does not depend on them, such as `U·f(s)·Vᵀ`, is a function of the matrix.
    ///
    /// Gradient: J. Townsend, "Differentiating the Singular Value Decomposition", 2016, equations
    /// 18 to 24, whose terms divide by `s_j − s_i`: the vectors of two equal values can be turned
    /// together and have no gradient of their own. Those terms are left out where two values differ
    /// by no more than their rounding. What sees the pair through `U·Vᵀ` alone, such as the polar
    /// factor, keeps its gradient then; anything else, `U·f(s)·Vᵀ` included, gets one that lacks a
    /// part. Values that are almost equal give large numbers, as they should. The inverse of a
    /// value that is zero counts as 0 likewise.
    ///
    /// - Throws: `LinearAlgebraError.notFinite`, or `.notConverged`.
    /// - Complexity: O(`rows · columns · k`) a matrix, in float64.
    public func singularValueDecomposition() throws(LinearAlgebraError) -> SingularValues {
        let input = matrices()
        var parts: [SingularParts] = []
        for matrix in input { parts.append(try SingularParts(matrix)) }
        let leading = Array(shape.dropLast(2))
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let k = Swift.min(rows, columns)
        let found = parts
        func recorded(
            _ size: [Int], _ elements: FloatArray,
            gradient:
                @escaping @Sendable (SingularParts, DenseMatrix<Double>) ->
                DenseMatrix<Double>
        ) -> Tensor {
            let matrix = [found.count, size.count == 1 ? 1 : size[0], size[size.count - 1]]
            return Self.recorded(leading + size, elements, from: [self]) { step in
                let upstream = Tensor(shape: matrix, elements: step.takeUpstream()).matrices()
                step.add(Self.joined(zip(found, upstream).map(gradient)), to: 0)
            }
        }
        return SingularValues(
            u: recorded([rows, k], Self.joined(parts.map(\.u))) { $0.gradient(ofU: $1) },
            values: recorded(
                [k], FloatArray(parts.lazy.flatMap { $0.values.lazy.map { Float($0) } })
            ) { $0.gradient(ofValues: $1.elements) },
            vTransposed: recorded([k, columns], Self.joined(parts.map(\.v))) {
                $0.gradient(ofV: $1)
            })
    }
}

/// The decomposition of a matrix, and what gradients of its parts are in the matrix.
private struct SingularParts: Sendable {
    /// `[rows, k]`.
    let u: DenseMatrix<Double>
    let values: [Double]
    /// `[k, columns]`.
    let v: DenseMatrix<Double>

    init(_ matrix: DenseMatrix<Double>) throws(LinearAlgebraError) {
        (u, values, v) = try matrix.singularValues()
    }

    /// Values that differ by less are equal: what rounding leaves of them.
    private var tolerance: Double {
        Double(max(u.rows, v.columns)) * 0x1p-52 * (values.first ?? 0)
    }

    /// 1 / x, or 0 where x is zero but for rounding.
    private func inverse(_ x: Double) -> Double { abs(x) <= tolerance ? 0 : 1 / x }

    func gradient(ofValues upstream: [Double]) -> DenseMatrix<Double> {
        scaled(u, upstream).product(v)
    }

    /// `U·(F∘(Uᵀ·G − Gᵀ·U))·S·Vᵀ + (1 − U·Uᵀ)·G·S⁻¹·Vᵀ`, `F = 1/(s_j² − s_i²)`.
    func gradient(ofU upstream: DenseMatrix<Double>) -> DenseMatrix<Double> {
        let share = u.product(upstream, transposed: true)
        var middle = skew(share, sign: 1)
        let inverses = values.map(inverse)
        let rest = scaled(upstream.minus(u.product(share)), inverses)
        middle = u.product(middle).plus(rest)
        return middle.product(v)
    }

    /// `U·(S·(F∘(Vᵀ·G − Gᵀ·V))·Vᵀ + S⁻¹·Gᵀ·(1 − V·Vᵀ))`, from the gradient of `Vᵀ`.
    func gradient(ofV upstream: DenseMatrix<Double>) -> DenseMatrix<Double> {
        let share = v.product(upstream, otherTransposed: true)
        let middle = skew(share, sign: -1)
        let inverses = values.map(inverse)
        // Gᵀ·V·Vᵀ is the transpose of the share times Vᵀ.
        let rest = upstream.minus(share.product(v, transposed: true))
        var right = middle.product(v)
        for row in 0..<rest.rows {
            for column in 0..<rest.columns {
                right[row, column] += inverses[row] * rest[row, column]
            }
        }
        return u.product(right)
    }

    /// `F∘(K − Kᵀ)` times the values of its columns for `U` (sign 1) or of its rows for `V`
    /// (sign −1): `s_j/(s_j² − s_i²) = ½(1/(s_j − s_i) + 1/(s_j + s_i))`, and
    /// `s_i/(s_j² − s_i²) = ½(1/(s_j − s_i) − 1/(s_j + s_i))`.
    private func skew(_ share: DenseMatrix<Double>, sign: Double) -> DenseMatrix<Double> {
        var result = DenseMatrix<Double>(rows: values.count, columns: values.count)
        for i in values.indices {
            for j in values.indices where i != j {
                let factor =
                    inverse(values[j] - values[i]) + sign * inverse(values[j] + values[i])
                result[i, j] = factor / 2 * (share[i, j] - share[j, i])
            }
        }
        return result
    }

    /// Columns times factors.
    private func scaled(
        _ matrix: DenseMatrix<Double>, _ factors: [Double]
    ) -> DenseMatrix<Double> {
        var result = matrix
        for row in 0..<matrix.rows {
            for column in 0..<matrix.columns { result[row, column] *= factors[column] }
        }
        return result
    }
}

extension DenseMatrix {
    fileprivate func plus(_ other: DenseMatrix) -> DenseMatrix {
        DenseMatrix(
            rows: rows, columns: columns, elements: zip(elements, other.elements).map { $0 + $1 })
    }

    fileprivate func minus(_ other: DenseMatrix) -> DenseMatrix {
        DenseMatrix(
            rows: rows, columns: columns, elements: zip(elements, other.elements).map { $0 - $1 })
    }
}
