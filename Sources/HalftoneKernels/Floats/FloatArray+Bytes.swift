extension FloatArray {
    /// Numbers from their little-endian bytes.
    ///
    /// - Parameters:
    ///   - bytes: At least four for each number.
    ///   - count: How many numbers.
    public init(littleEndian bytes: Bytes, count: Int) {
        precondition(bytes.count >= 4 * count, "\(bytes.count) bytes hold no \(count) floats")
        self.init(count: count) { elements in
            for index in 0..<count {
                elements[index] = Float(bitPattern: bytes.load(UInt32.self, at: 4 * index))
            }
        }
    }

    /// The little-endian bytes of some of the numbers.
    ///
    /// - Parameter range: Within the indices.
    public func littleEndianBytes(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside of the array")
        var result: [UInt8] = []
        result.reserveCapacity(4 * range.count)
        for index in range {
            let bits = self[index].bitPattern
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                result.append(UInt8(truncatingIfNeeded: bits >> shift))
            }
        }
        return result
    }
}
