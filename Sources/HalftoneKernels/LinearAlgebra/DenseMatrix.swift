import COpenBLAS

/// A matrix of float32 or float64 numbers for factorizations and solves, stored by rows.
///
/// Meant for matrices of a few thousand rows: Hessians, covariances, rotations. Every operation
/// runs on the calling thread.
public struct DenseMatrix<Scalar: DenseScalar>: Sendable, Equatable {
    /// The number of rows.
    public let rows: Int
    /// The number of columns.
    public let columns: Int
    /// The numbers, row after row.
    public internal(set) var elements: [Scalar]

    /// A matrix of given numbers, as many as `rows · columns`.
    public init(rows: Int, columns: Int, elements: [Scalar]) {
        precondition(rows >= 0 && columns >= 0 && elements.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// A matrix of zeros.
    public init(rows: Int, columns: Int) {
        self.init(
            rows: rows, columns: columns, elements: [Scalar](repeating: 0, count: rows * columns))
    }

    /// The identity.
    public static func identity(_ size: Int) -> DenseMatrix {
        var result = DenseMatrix(rows: size, columns: size)
        for index in 0..<size { result[index, index] = 1 }
        return result
    }

    /// The element in a row and a column.
    public subscript(row: Int, column: Int) -> Scalar {
        get {
            precondition(column >= 0 && column < columns)
            return elements[row * columns + column]
        }
        set {
            precondition(column >= 0 && column < columns)
            elements[row * columns + column] = newValue
        }
    }

    /// Rows and columns exchanged.
    public var transposed: DenseMatrix {
        var result = DenseMatrix(rows: columns, columns: rows)
        for row in 0..<rows {
            for column in 0..<columns {
                result.elements[column * rows + row] = elements[row * columns + column]
            }
        }
        return result
    }

    /// The product of two matrices, either of them transposed first if wished.
    ///
    /// - Complexity: O(rows · columns · other columns).
    public func product(
        _ other: DenseMatrix, transposed: Bool = false, otherTransposed: Bool = false
    ) -> DenseMatrix {
        let (m, k) = transposed ? (columns, rows) : (rows, columns)
        let (k2, n) = otherTransposed ? (other.columns, other.rows) : (other.rows, other.columns)
        precondition(k == k2, "\(m) × \(k) does not multiply \(k2) × \(n)")
        var result = DenseMatrix(rows: m, columns: n)
        guard m > 0, n > 0, k > 0 else { return result }
        openblas_set_num_threads(1)
        unsafe elements.withUnsafeBufferPointer { a in
            unsafe other.elements.withUnsafeBufferPointer { b in
                unsafe result.elements.withUnsafeMutableBufferPointer { c in
                    unsafe Scalar.routines.multiply(
                        transposed ? CblasTrans : CblasNoTrans,
                        otherTransposed ? CblasTrans : CblasNoTrans,
                        blasint(m), blasint(n), blasint(k), a.baseAddress!, blasint(columns),
                        b.baseAddress!, blasint(other.columns), c.baseAddress!, blasint(n))
                }
            }
        }
        return result
    }

    /// The elements below or above the diagonal, and the diagonal; zeros elsewhere.
    public func triangle(isUpper: Bool) -> DenseMatrix {
        var result = self
        for row in 0..<rows {
            for column in 0..<columns where isUpper ? column < row : column > row {
                result.elements[row * columns + column] = 0
            }
        }
        return result
    }

    /// A square matrix of finite numbers, or why it is none.
    func checkSquare() throws(LinearAlgebraError) {
        precondition(rows == columns, "a matrix of \(rows) × \(columns) is not square")
        try checkFinite()
    }

    /// Throws for the first element that is not finite.
    func checkFinite() throws(LinearAlgebraError) {
        for (index, element) in elements.enumerated() where !element.isFinite {
            throw .notFinite(row: index / columns, column: index % columns)
        }
    }
}

/// Why a matrix has no factorization or solution.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
    /// The leading block of this order has no positive determinant.
    case notPositiveDefinite(order: Int, size: Int)
    /// A pivot is exactly zero.
    case singular(pivot: Int, size: Int)
    /// An element is NaN or infinite.
    case notFinite(row: Int, column: Int)
    /// An iteration did not converge.
    case notConverged(routine: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .notPositiveDefinite(let order, let size):
            """
            the \(size) × \(size) matrix is not positive definite: its leading block of \(order) \
            rows is not; adding to the diagonal would make it so
            """
        case .singular(let pivot, let size):
            "the \(size) × \(size) matrix is singular: pivot \(pivot) is zero"
        case .notFinite(let row, let column):
            "the element in row \(row), column \(column) is not finite"
        case .notConverged(let routine):
            "\(routine) did not converge"
        }
    }
}
