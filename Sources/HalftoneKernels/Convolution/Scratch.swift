/// Memory of one part of a job, aligned for vector instructions, cut into pieces in order.
///
/// Freed with the value; the contents are undefined at first.
@safe
struct Scratch: ~Copyable {
    private let base: UnsafeMutablePointer<Float>
    private let capacity: Int
    private var used = 0

    /// Takes memory for pieces of the given lengths, each rounded up to a cache line.
    init(_ counts: [Int]) {
        capacity = counts.reduce(0) { $0 + Self.rounded($1) }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(capacity, 16) * MemoryLayout<Float>.size, alignment: 64)
        unsafe base = memory.bindMemory(to: Float.self, capacity: max(capacity, 16))
    }

    deinit { unsafe UnsafeMutableRawPointer(base).deallocate() }

    /// The next piece.
    @unsafe
    mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(used + Self.rounded(count) <= capacity, "scratch memory is too small")
        defer { used += Self.rounded(count) }
        return unsafe base + used
    }

    private static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
