import HalftoneKernels

extension Tensor {
    /// The product of matrices: `[…, rows, depth] · […, depth, columns]`.
    ///
    /// Leading dimensions repeat as in arithmetic. An operand of one dimension is a row on the
    /// left and a column on the right, and its dimension goes away. Sums are those of the BLAS in
    /// float32; transposed operands are read where they lie.
    ///
    /// - Parameters:
    ///   - other: The right operand.
    ///   - transposingFirst: Whether this tensor is stored `[…, depth, rows]`.
    ///   - transposingSecond: Whether the other is stored `[…, columns, depth]`, as the weights of
    ///     linear layers are.
    /// - Returns: `[…, rows, columns]`.
    public func matmul(
        _ other: Tensor, transposingFirst: Bool = false, transposingSecond: Bool = false
    ) -> Tensor {
        precondition(rank > 0 && other.rank > 0, "a product needs at least one dimension")
        if rank == 1 {
            precondition(!transposingFirst, "a row is not transposed")
            let row = reshaped([1, count])
                .matmul(other, transposingSecond: transposingSecond)
            return row.squeezed(other.rank == 1 ? 0 : -2)
        }
        if other.rank == 1 {
            precondition(!transposingSecond, "a column is not transposed")
            return matmul(
                other.reshaped([count(of: other), 1]), transposingFirst: transposingFirst
            )
            .squeezed(-1)
        }
        let product = BatchedProduct(
            shape, other.shape, transposingFirst: transposingFirst,
            transposingSecond: transposingSecond)
        let value = product.value(elements, other.elements)
        guard isTracked || other.isTracked else {
            return Tensor(shape: product.shape, elements: value)
        }
        // Each gradient needs only the other operand.
        let first = other.isTracked ? elements : FloatArray()
        let second = isTracked ? other.elements : FloatArray()
        return Self.recorded(product.shape, value, from: [self, other]) { step in
            if step.isWanted(0) { step.add(product.first(step.upstream, second), to: 0) }
            if step.isWanted(1) { step.add(product.second(step.upstream, first), to: 1) }
        }
    }

    private func count(of column: Tensor) -> Int { column.count }
}

/// The lengths of a product of batches of matrices, and its three forms.
private struct BatchedProduct: Sendable {
    /// Of the result.
    let shape: [Int]

    private let firstShape: [Int]
    private let secondShape: [Int]
    private let isFirstTransposed: Bool
    private let isSecondTransposed: Bool
    private let rows: Int
    private let columns: Int
    private let depth: Int
    private let batch: [Int]
    /// Where the matrices of the operands and of the result begin.
    private let firstOffsets: [Int]
    private let secondOffsets: [Int]
    private let offsets: [Int]

    init(_ first: [Int], _ second: [Int], transposingFirst: Bool, transposingSecond: Bool) {
        let (one, two) = (Array(first.suffix(2)), Array(second.suffix(2)))
        var rows = transposingFirst ? one[1] : one[0]
        depth = transposingFirst ? one[0] : one[1]
        columns = transposingSecond ? two[0] : two[1]
        precondition(
            depth == (transposingSecond ? two[1] : two[0]),
            "shapes \(first) and \(second) do not multiply")
        guard let lead = Broadcast.shape(Array(first.dropLast(2)), Array(second.dropLast(2)))
        else { preconditionFailure("shapes \(first) and \(second) do not multiply") }
        shape = lead + [rows, columns]
        var batch = lead
        if second.count == 2, !transposingFirst {
            // One matrix on the right: all rows on the left are one matrix too.
            rows *= lead.reduce(1, *)
            batch = []
            firstShape = [rows, depth]
        } else {
            firstShape = first
        }
        secondShape = second
        (isFirstTransposed, isSecondTransposed) = (transposingFirst, transposingSecond)
        self.rows = rows
        self.batch = batch
        firstOffsets = Self.offsets(Array(firstShape.dropLast(2)), batch, rows * depth)
        secondOffsets = Self.offsets(Array(second.dropLast(2)), batch, depth * columns)
        offsets = Self.offsets(batch, batch, rows * columns)
    }

    private static func offsets(_ lead: [Int], _ batch: [Int], _ size: Int) -> [Int] {
        let strides = Broadcast.repeatingStrides(lead, in: batch)
        var result = [0]
        for (length, stride) in zip(batch, strides) {
            result = result.flatMap { start in (0..<length).map { start + $0 * stride * size } }
        }
        return result
    }

    func value(_ first: FloatArray, _ second: FloatArray) -> FloatArray {
        DenseProduct(
            rows: rows, columns: columns, depth: depth, transposesFirst: isFirstTransposed,
            transposesSecond: isSecondTransposed
        )(first, at: firstOffsets, second, at: secondOffsets)
    }

    /// The gradient of the first operand from that of the result.
    func first(_ upstream: FloatArray, _ second: FloatArray) -> FloatArray {
        let result =
            isFirstTransposed
            ? DenseProduct(
                rows: depth, columns: rows, depth: columns, transposesFirst: isSecondTransposed,
                transposesSecond: true
            )(second, at: secondOffsets, upstream, at: offsets)
            : DenseProduct(
                rows: rows, columns: depth, depth: columns, transposesSecond: !isSecondTransposed
            )(upstream, at: offsets, second, at: secondOffsets)
        return Tensor.summed(result, from: batch + firstShape.suffix(2), to: firstShape)
    }

    /// The gradient of the second operand from that of the result.
    func second(_ upstream: FloatArray, _ first: FloatArray) -> FloatArray {
        let result =
            isSecondTransposed
            ? DenseProduct(
                rows: columns, columns: depth, depth: rows, transposesFirst: true,
                transposesSecond: isFirstTransposed
            )(upstream, at: offsets, first, at: firstOffsets)
            : DenseProduct(
                rows: depth, columns: columns, depth: rows, transposesFirst: !isFirstTransposed
            )(first, at: firstOffsets, upstream, at: offsets)
        return Tensor.summed(result, from: batch + secondShape.suffix(2), to: secondShape)
    }
}
