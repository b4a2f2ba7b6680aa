import HalftoneKernels
import HalftoneTensor

/// Orthogonal matrices that spread what is in one channel over all of them.
public enum Rotation {
    /// A Hadamard matrix over the root of its size, each row times a random sign.
    ///
    /// Sizes are `m·2^k` with an `m` of 1, or of a Hadamard matrix of Paley's: 576 is 36 · 16,
    /// 1536 is 12 · 128, 896 is 28 · 32.
    ///
    /// Source: R. Paley, "On orthogonal matrices", J. Math. Phys. 12 (1933); random signs after
    /// J. Chee et al., "QuIP", arXiv:2307.13304, section 4.
    ///
    /// - Parameters:
    ///   - size: Rows and columns.
    ///   - seed: Draws the signs.
    /// - Returns: The matrix, or nil when none is known for the size.
    /// - Complexity: O(`size`²).
    public static func hadamard(_ size: Int, seed: UInt64) -> DenseMatrix<Float>? {
        guard let rows = signs(size) else { return nil }
        var generator = SeededGenerator(seed: seed)
        let scale = 1 / Float(size).squareRoot()
        var result = DenseMatrix<Float>(rows: size, columns: size)
        for row in 0..<size {
            let factor = generator.next() & 1 == 0 ? scale : -scale
            for column in 0..<size { result[row, column] = factor * Float(rows[row][column]) }
        }
        return result
    }

    /// A random orthogonal matrix: the factor `Q` of a matrix of normal numbers.
    ///
    /// - Throws: `LinearAlgebraError` when LAPACK does not converge.
    /// - Complexity: O(`size`³).
    public static func random(_ size: Int, seed: UInt64) throws -> DenseMatrix<Float> {
        let normal = Tensor.normal([size, size], seed: seed)
        let (q, _) = try DenseMatrix<Float>(
            rows: size, columns: size, elements: Array(normal.elements)
        ).orthogonalTriangular()
        return q
    }

    /// The elements of a Hadamard matrix, 1 and −1, or nil when none is known for the size.
    public static func signs(_ size: Int) -> [[Int8]]? {
        guard size > 0 else { return nil }
        // The smallest first: its search for squares takes least.
        for doublings in (0...size.trailingZeroBitCount).reversed() {
            if let core = core(size >> doublings) { return doubled(core, doublings) }
        }
        return nil
    }

    /// `H ⊗ [[1, 1], [1, −1]]`, several times.
    private static func doubled(_ core: [[Int8]], _ times: Int) -> [[Int8]] {
        var matrix = core
        for _ in 0..<times {
            matrix = matrix.flatMap { row in
                [row.flatMap { [$0, $0] }, row.flatMap { [$0, -$0] }]
            }
        }
        return matrix
    }

    /// A matrix of a size that is no product of smaller ones here.
    private static func core(_ size: Int) -> [[Int8]]? {
        if size == 1 { return [[1]] }
        guard size.isMultiple(of: 4) else { return nil }
        if let first = paley(size - 1), (size - 1) % 4 == 3 { return firstKind(first) }
        if let second = paley(size / 2 - 1), (size / 2 - 1) % 4 == 1 { return secondKind(second) }
        return nil
    }

    /// The Jacobsthal matrix of a prime, `χ(row − column)`; nil for what is no odd prime.
    private static func paley(_ prime: Int) -> [[Int8]]? {
        guard prime > 2, (2..<prime).allSatisfy({ $0 * $0 > prime || prime % $0 != 0 }) else {
            return nil
        }
        let squares = Set((1..<prime).map { $0 * $0 % prime })
        return (0..<prime).map { row in
            (0..<prime).map { column in
                let difference = (row - column + prime) % prime
                return difference == 0 ? 0 : squares.contains(difference) ? 1 : -1
            }
        }
    }

    /// `I + S` with `S` the bordered matrix, which is skew for primes of 3 modulo 4.
    private static func firstKind(_ core: [[Int8]]) -> [[Int8]] {
        let size = core.count + 1
        return (0..<size).map { row in
            (0..<size).map { column in
                if row == column { return 1 }
                if row == 0 { return 1 }
                if column == 0 { return -1 }
                return core[row - 1][column - 1]
            }
        }
    }

    /// Each element of the bordered matrix, which is symmetric for primes of 1 modulo 4, becomes a
    /// square of two.
    private static func secondKind(_ core: [[Int8]]) -> [[Int8]] {
        let size = core.count + 1
        func element(_ row: Int, _ column: Int) -> Int8 {
            if row == column { return 0 }
            return row == 0 || column == 0 ? 1 : core[row - 1][column - 1]
        }
        return (0..<2 * size).map { row in
            (0..<2 * size).map { column in
                let value = element(row / 2, column / 2)
                let isLower = row % 2 == 1 && column % 2 == 1
                guard value == 0 else { return isLower ? -value : value }
                // [[1, −1], [−1, −1]] on the diagonal.
                return row % 2 == 0 && column % 2 == 0 ? 1 : -1
            }
        }
    }
}
