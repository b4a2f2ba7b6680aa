import HalftoneKernels
import HalftoneTensor

extension Tensor {
    /// The middle one of the magnitudes in ascending order; of two middle ones the lower.
    ///
    /// Exact and without sorting: three counts over parts of the bits.
    ///
    /// - Complexity: O(`count`), three passes.
    public var medianMagnitude: Float { magnitude(rank: (count - 1) / 2) }

    /// The magnitude that a number of elements lie at or below, by place in ascending order.
    ///
    /// - Parameter rank: From 0, the smallest, below the count. NaN counts as the largest.
    public func magnitude(rank: Int) -> Float {
        precondition(rank >= 0 && rank < count, "there is no magnitude \(rank) of \(count)")
        // Bits of positive floats are in the order of the floats: 11, 10 and 10 of the 31.
        var rest = rank
        var prefix: UInt32 = 0
        let numbers = elements.span
        for (shift, width) in [(20, 11), (10, 10), (0, 10)] as [(UInt32, UInt32)] {
            var counts = [Int](repeating: 0, count: 1 << Int(width))
            for index in numbers.indices {
                let bits = numbers[index].bitPattern & 0x7FFF_FFFF
                guard bits >> (shift + width) == prefix else { continue }
                counts[Int(bits >> shift & ((1 << width) - 1))] += 1
            }
            var bin = 0
            while rest >= counts[bin] {
                rest -= counts[bin]
                bin += 1
            }
            prefix = prefix << width | UInt32(bin)
        }
        return Float(bitPattern: prefix)
    }
}
