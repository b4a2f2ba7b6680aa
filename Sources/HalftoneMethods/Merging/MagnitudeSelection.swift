import HalftoneKernels

/// Finds the k-th smallest magnitude without sorting or copying.
enum MagnitudeSelection {
    /// The k-th smallest magnitude, counted from 1.
    ///
    /// Magnitudes of finite floats are ordered as their bit patterns, so two passes that count
    /// halves of the pattern find it.
    ///
    /// - Parameters:
    ///   - rank: From 1 to the number of elements.
    ///   - elements: Finite.
    /// - Complexity: Two passes over the elements.
    static func smallest(_ rank: Int, of elements: FloatArray) -> Float {
        precondition((1...elements.count).contains(rank), "there is no \(rank)-th element")
        let values = elements.span
        var counts = [Int](repeating: 0, count: 1 << 16)
        for index in values.indices { counts[Int(values[index].magnitude.bitPattern >> 16)] += 1 }
        var left = rank
        let upper = place(&left, in: counts)
        counts = [Int](repeating: 0, count: 1 << 16)
        for index in values.indices {
            let pattern = values[index].magnitude.bitPattern
            if Int(pattern >> 16) == upper { counts[Int(pattern & 0xFFFF)] += 1 }
        }
        let lower = place(&left, in: counts)
        return Float(bitPattern: UInt32(upper) << 16 | UInt32(lower))
    }

    /// The bin that holds an element of a rank; the rank becomes that within the bin.
    private static func place(_ rank: inout Int, in counts: [Int]) -> Int {
        for (bin, count) in counts.enumerated() {
            if rank <= count { return bin }
            rank -= count
        }
        preconditionFailure("the rank is larger than the number of elements")
    }
}
