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
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                guard let from = input.baseAddress, let to = output.baseAddress else { return }
                // Nothing writes to it: floats that are multiplied are read only.
                let floats = unsafe FloatBuffer(
                    borrowing: UnsafeMutablePointer(mutating: from), count: input.count)
                let result = unsafe FloatBuffer(borrowing: to, count: output.count)
                let rows = ActivationRows(
                    floats, width: columns, capacity: count, forms: group.reads)
                pool.together { team in
                    team.share(count) { rows.finish($0) }
                    group.run(team, rows, rows: 0..<count, into: result)
                }
            }
        }
    }
}
