import HalftoneFormats
import HalftoneKernels
import Synchronization

extension BlockMatrix {
    /// Encodes a matrix row by row.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]` in any form that decodes; copied where it has the type.
    ///   - type: One of `BlockCodec.encodableTypes`.
    ///   - importance: What the squared error of each column counts; nil for 1.
    ///   - pool: The threads to use.
    /// - Throws: ``QuantizationError`` for values that the type cannot hold, and for shapes.
    public init(
        _ weight: any WeightMatrix, as type: BlockType, importance: [Float]? = nil,
        pool: WorkerPool
    ) throws(QuantizationError) {
        if let same = weight as? BlockMatrix, same.type == type {
            self = same
            return
        }
        try RowPlan.check(importance, columns: weight.columns)
        let columns = weight.columns
        let rows = Mutex([[UInt8]](repeating: [], count: weight.rows))
        try pool.splitRows(weight.rows) { range throws(QuantizationError) in
            var values = [Float](repeating: 0, count: columns)
            for row in range {
                weight.decode(row: row, into: &values)
                try RowPlan.checkFinite(values, row: row, columns: columns)
                do throws(BlockError) {
                    let bytes = try BlockCodec.encode(
                        type, values, columns: columns, importance: importance)
                    rows.withLock { $0[row] = bytes }
                } catch {
                    throw .badForm("row \(row): \(error)")
                }
            }
        }
        try self.init(type, rows: rows.withLock { $0 }, columns: columns)
    }

    /// Joins the blocks of rows.
    ///
    /// - Throws: ``QuantizationError/badForm(_:)`` for rows of another length.
    public init(
        _ type: BlockType, rows: [[UInt8]], columns: Int
    ) throws(QuantizationError) {
        do throws(BlockError) {
            try self.init(
                type: type, rows: rows.count, columns: columns, bytes: Bytes(Array(rows.joined())))
        } catch {
            throw .badForm(error.description)
        }
    }
}
