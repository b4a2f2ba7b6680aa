/// A matrix whose columns are stored in another order, as GPTQ's order of activations leaves them.
///
/// Column `order[j]` of this matrix is column `j` of the stored one, so that weights which share
/// a scale lie side by side there. A product brings the vector into that order first; products with
/// bytes round it then, and are those of the stored matrix.
public struct ReorderedMatrix: WeightMatrix {
    /// The matrix as it is stored.
    public let stored: any WeightMatrix

    /// For each stored column, its place.
    public let order: [Int]

    /// Bytes that the matrix takes in a file, the order included.
    public let byteCount: Int

    /// Describes a matrix.
    ///
    /// - Parameters:
    ///   - stored: The matrix as it is stored.
    ///   - order: Every column number once; anything else is a mistake of the caller.
    ///   - byteCount: Bytes of all parts as they are stored.
    public init(stored: any WeightMatrix, order: [Int], byteCount: Int) {
        var isTaken = [Bool](repeating: false, count: stored.columns)
        precondition(order.count == stored.columns, "the order has a place for each column")
        for place in order {
            precondition(
                isTaken.indices.contains(place) && !isTaken[place], "a place is given once")
            isTaken[place] = true
        }
        self.stored = stored
        self.order = order
        self.byteCount = byteCount
    }

    /// Output features.
    public var rows: Int { stored.rows }

    /// Input features.
    public var columns: Int { stored.columns }

    /// The stored matrix's with a mark: `int4 g128 ordered`.
    public var formatName: String { stored.formatName + " ordered" }

    /// Decodes whole rows to float32, as the stored matrix does.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        guard columns > 0 else { return }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { memory in
            let decoded = memory.baseAddress!
            for (index, row) in range.enumerated() {
                unsafe stored.decode(rows: row..<row + 1, into: decoded)
                let target = unsafe output + index * columns
                for (column, place) in order.enumerated() {
                    unsafe target[place] = decoded[column]
                }
            }
        }
    }

    /// Multiplies rows with one vector, as the stored matrix does.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe precondition(input.count == columns, "the vector has a value per column")
        guard columns > 0 else { return unsafe output.update(repeating: 0, count: range.count) }
        let ordered = order.map { unsafe input.values[$0] }
        unsafe PreparedVector.prepare(ordered) { vector in
            unsafe stored.dot(rows: range, input: vector, output: output)
        }
    }

    /// The same matrix with rows in another order.
    public func gatheringRows(_ rowOrder: [Int]) -> any WeightMatrix {
        let gathered = stored.gatheringRows(rowOrder)
        return ReorderedMatrix(
            stored: gathered, order: order,
            byteCount: gathered.byteCount + byteCount - stored.byteCount)
    }
}
