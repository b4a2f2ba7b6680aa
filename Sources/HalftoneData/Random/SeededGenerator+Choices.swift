import HalftoneTensor

/// Draws whose results depend on the generator alone, not on the version of a library.
extension SeededGenerator {
    /// A generator for one of many independent sequences that share a seed.
    ///
    /// Neighbouring indices give unrelated sequences: the index is spread over all bits by an odd
    /// multiplier before the seeding mixes it, and the stream number separates uses of one seed.
    init(seed: UInt64, stream: UInt64, index: UInt64) {
        let mixed = seed ^ (stream &* 0xD6E8_FEB8_6659_FD93).byteSwapped
        self.init(seed: mixed &+ index &* 0x9FB2_1C65_1E98_DF25)
    }

    /// A number from 0 to `count − 1`.
    ///
    /// The high half of a 64-bit product; no number is more likely than another by more than
    /// `count` · 2⁻⁶⁴.
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// A whole number of a range.
    mutating func integer(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// An element of a collection that is not empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// Some different indices below a count, in random order.
    mutating func distinct(_ wanted: Int, below count: Int) -> [Int] {
        precondition(wanted <= count, "\(wanted) different indices below \(count)")
        var found: [Int] = []
        found.reserveCapacity(wanted)
        while found.count < wanted {
            let index = below(count)
            if !found.contains(index) { found.append(index) }
        }
        return found
    }

    /// Different elements of a collection, in random order.
    mutating func pick<Element>(_ wanted: Int, from elements: [Element]) -> [Element] {
        distinct(wanted, below: elements.count).map { elements[$0] }
    }

    /// Puts elements in random order (Fisher and Yates).
    mutating func shuffle<Element>(_ elements: inout [Element]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, below(last + 1))
        }
    }

    /// Whether an event of a probability happens.
    mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// One of 2⁵³ evenly spaced numbers from 0 to below 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number drawn evenly from a range.
    mutating func float(in range: ClosedRange<Float>) -> Float {
        range.lowerBound + (range.upperBound - range.lowerBound) * (Float(next() >> 40) * 0x1p-24)
    }
}
