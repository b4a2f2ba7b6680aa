extension PreparedVector {
    /// Calls a closure with a prepared vector.
    ///
    /// - Parameters:
    ///   - values: At least one value.
    ///   - body: Uses the vector, which is valid only during the call.
    @unsafe
    package static func prepare<Result>(
        _ values: [Float], _ body: (PreparedVector) -> Result
    ) -> Result {
        let count = values.count
        return unsafe values.withUnsafeBufferPointer { buffer in
            unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count / 16 + 1) { sums in
                let values = buffer.baseAddress!
                let sums = sums.baseAddress!
                unsafe FloatKernels.sumsOf16(values, count: count, into: sums)
                return unsafe body(PreparedVector(values: values, sumsOf16: sums, count: count))
            }
        }
    }

    /// The sums of groups of values, for formats with an offset per group.
    ///
    /// - Parameters:
    ///   - groupSize: At least 1; the last group may be shorter.
    ///   - sums: Room for one float per group.
    @unsafe
    func sumGroups(of groupSize: Int, into sums: UnsafeMutablePointer<Float>) {
        var group = 0
        var start = 0
        while unsafe start < count {
            let end = unsafe min(start + groupSize, count)
            let wholeRuns = unsafe start % 16 == 0 && (end % 16 == 0 || end == count)
            if wholeRuns {
                let first = start / 16
                unsafe sums[group] = FloatRun.sum(
                    sumsOf16 + first, count: (end + 15) / 16 - first, { $0 })
            } else {
                unsafe sums[group] = FloatRun.sum(values + start, count: end - start, { $0 })
            }
            group += 1
            start = end
        }
    }
}

extension WeightMatrix {
    /// The products of some rows with a vector, without pointers.
    ///
    /// - Parameters:
    ///   - range: Within `0 ..< rows`.
    ///   - input: `columns` values.
    /// - Returns: One value per row of the range.
    public func products(rows range: Range<Int>, with input: [Float]) -> [Float] {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        precondition(input.count == columns, "the vector has a value per column")
        var output = [Float](repeating: 0, count: range.count)
        guard !range.isEmpty, columns > 0 else { return output }
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            let target = buffer.baseAddress!
            unsafe PreparedVector.prepare(input) { vector in
                unsafe dot(rows: range, input: vector, output: target)
            }
        }
        return output
    }

    /// The products of all rows with a vector.
    ///
    /// - Parameter input: `columns` values.
    public func products(with input: [Float]) -> [Float] { products(rows: 0..<rows, with: input) }
}
