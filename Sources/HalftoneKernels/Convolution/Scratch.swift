/// Memory of one part of a job, aligned for vector instructions, cut into pieces in order.
///
/// Taken from the memory that arrays gave back, and given back with the value; the contents are
/// undefined at first.
@safe
struct Scratch: ~Copyable {
    private let block: FloatMemory.Block
    private let capacity: Int
    private var used = 0

    /// Takes memory for pieces of the given lengths, each rounded up to a cache line.
    init(_ counts: [Int]) {
        capacity = counts.reduce(0) { $0 + Self.rounded($1) }
        block = FloatMemory.take(max(capacity, 16))
    }

    deinit { FloatMemory.give(block) }

    /// The next piece.
    @unsafe
    mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(used + Self.rounded(count) <= capacity, "scratch memory is too small")
        defer { used += Self.rounded(count) }
        return unsafe block.base + used
    }

    private static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
