/// Products of a stored matrix with vectors, on the threads of a pool.
///
/// The run time of models keeps its activations in memory that it takes once; this is for who has
/// arrays.
public struct MatrixProduct: Sendable {
    private let group: ProductGroup
    private let columns: Int
    private let pool: WorkerPool

    /// Prepares a matrix.
    ///
    /// - Parameters:
    ///   - matrix: `[rows, columns]`.
    ///   - activations: How vectors meet packed weights.
    ///   - pool: The threads.
    public init(
        _ matrix: any WeightMatrix, activations: Activations = .float32, pool: WorkerPool
    ) {
        group = ProductGroup([WeightProduct(matrix, activations, pool: pool)])
        columns = matrix.columns
        self.pool = pool
    }

    /// Multiplies `count` vectors: `output[t, r] = Σ_c matrix[r, c] · input[t, c]`.
    ///
    /// - Parameters:
    ///   - input: `[count, columns]`.
    ///   - count: 1 or more.
    ///   - output: Room for `[count, rows]`.
    public func callAsFunction(_ input: [Float], count: Int, into output: inout [Float]) {
        precondition(input.count >= count * columns && output.count >= count * group.rows)
        let rows = ActivationRows(width: columns, capacity: count, forms: group.reads)
        let result = FloatBuffer(count: count * group.rows)
        rows.floats.take(input, from: 0, count: count * columns)
        rows.finish(0..<count)
        pool.together { team in
            group.run(team, rows, rows: 0..<count, into: result)
        }
        result.copy(0..<count * group.rows, into: &output)
    }
}
