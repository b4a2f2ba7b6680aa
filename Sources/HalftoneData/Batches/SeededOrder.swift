/// A random order of indices that can be entered anywhere.
///
/// The place of every index follows from the seed and the epoch alone, by a keyed permutation: no
/// list is shuffled or kept, and a run that resumes needs its position and nothing else.
///
/// Source: M. Luby and C. Rackoff, "How to Construct Pseudorandom Permutations from Pseudorandom
/// Functions", SIAM J. Comput. 17(2), 1988: a Feistel network, here of six rounds, on the smallest
/// even number of bits that holds the count; results outside the count are sent through again, as
/// in J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, method 2.
public struct SeededOrder: Sendable, Equatable {
    /// The number of indices.
    public let count: Int
    /// The seed.
    public let seed: UInt64
    /// The epoch; each has an order of its own.
    public let epoch: Int

    private let halfBits: UInt64
    private let keys: [UInt64]

    /// Sets up an order.
    ///
    /// - Parameters:
    ///   - count: The number of indices, at least 0.
    ///   - seed: Equal seeds give equal orders.
    ///   - epoch: Which of the orders of a seed.
    public init(count: Int, seed: UInt64, epoch: Int = 0) {
        precondition(count >= 0, "an order of \(count) indices")
        self.count = count
        self.seed = seed
        self.epoch = epoch
        var half: UInt64 = 1
        while half < 31, UInt64(1) << (2 * half) < UInt64(count) { half += 1 }
        halfBits = half
        let first = Self.mixed(seed ^ Self.mixed(UInt64(bitPattern: Int64(epoch))))
        keys = (0..<6).map { Self.mixed(first &+ $0 &* 0x9E37_79B9_7F4A_7C15) }
    }

    /// The index that comes at a position.
    ///
    /// - Parameter position: From 0 to `count − 1`.
    /// - Complexity: O(1); four trips through the network at most on average.
    public subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count, "position \(position) of \(count)")
        var value = UInt64(position)
        repeat { value = permuted(value) } while value >= UInt64(count)
        return Int(value)
    }

    private func permuted(_ value: UInt64) -> UInt64 {
        let mask: UInt64 = (1 << halfBits) - 1
        var (left, right) = (value >> halfBits, value & mask)
        for key in keys { (left, right) = (right, left ^ (Self.mixed(right ^ key) & mask)) }
        return left << halfBits | right
    }

    /// The finalizer of SplitMix64.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
