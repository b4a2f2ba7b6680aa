/// The sum of matrices of one shape, each in the form that it is stored in.
///
/// Values are added in float32, in the order of the terms. A residual stack runs this way without
/// its sum in memory.
public struct SumMatrix: WeightMatrix {
    /// The matrices; at least one, all of one shape.
    public let terms: [any WeightMatrix]

    /// Adds matrices.
    public init(_ terms: [any WeightMatrix]) {
        precondition(!terms.isEmpty, "a sum of matrices has one")
        precondition(
            terms.allSatisfy { $0.rows == terms[0].rows && $0.columns == terms[0].columns },
            "the matrices of a sum have one shape")
        self.terms = terms
    }

    /// Output features.
    public var rows: Int { terms[0].rows }

    /// Input features.
    public var columns: Int { terms[0].columns }

    /// Bytes of all terms in a file.
    public var byteCount: Int { terms.reduce(0) { $0 + $1.byteCount } }

    /// The names of the terms.
    public var formatName: String { terms.map(\.formatName).joined(separator: " + ") }

    /// Decodes whole rows to float32, a few of each term at a time.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        guard columns > 0 else { return }
        unsafe terms[0].decode(rows: range, into: output)
        unsafe range.inFewRows(of: columns) { rows, other in
            let sum = unsafe output + (rows.lowerBound - range.lowerBound) * columns
            for term in terms.dropFirst() {
                unsafe term.decode(rows: rows, into: other)
                for index in 0..<rows.count * columns { unsafe sum[index] += other[index] }
            }
        }
    }

    /// Multiplies rows with one vector: the sum of what the terms give.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe terms[0].dot(rows: range, input: input, output: output)
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { memory in
            guard let other = memory.baseAddress else { return }
            for term in terms.dropFirst() {
                unsafe term.dot(rows: range, input: input, output: other)
                for index in 0..<range.count { unsafe output[index] += other[index] }
            }
        }
    }

    /// The same sum with rows in another order.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        Self(terms.map { $0.gatheringRows(order) })
    }
}
