import Synchronization

/// Blocks of floats, kept for reuse when they are given back.
///
/// Training takes and returns the same sizes step after step, and fresh memory costs a page fault
/// per 4 KiB. Blocks of at least 4 KiB go to a list per size class, eight classes to a doubling,
/// so that at most an eighth of a block is unused. Blocks in use and blocks kept never take more
/// together than the largest amount that was in use at one time, and 64 MiB on top.
enum FloatMemory {
    private static let state = Mutex(State())

    /// What is on top of the largest amount in use, in bytes.
    private static let slack = 64 << 20

    /// Blocks below this go back to the system at once.
    private static let smallestKept = 4096

    fileprivate struct State: ~Copyable {
        var blocks = [[Block]](repeating: [], count: 8 * 64)
        var kept = 0
        var used = 0
        var peak = 0
    }

    /// Memory of one size class.
    @safe
    struct Block: @unchecked Sendable {
        let base: UnsafeMutablePointer<Float>
        let byteCount: Int
        fileprivate let sizeClass: Int
    }

    /// Memory for `count` floats, aligned to 64 bytes, with unspecified contents.
    static func take(_ count: Int) -> Block {
        let (bytes, sizeClass) = rounded(count * 4)
        guard bytes >= smallestKept else { return allocate(bytes, sizeClass) }
        let (block, evicted) = state.withLock { state -> (Block?, [Block]) in
            state.used += bytes
            state.peak = max(state.peak, state.used)
            if let block = state.blocks[sizeClass].popLast() {
                state.kept -= bytes
                return (block, [])
            }
            return (nil, state.evict(to: state.peak + slack - state.used))
        }
        for block in evicted { deallocate(block) }
        return block ?? allocate(bytes, sizeClass)
    }

    /// Gives a block back.
    static func give(_ block: Block) {
        guard block.byteCount >= smallestKept else { return deallocate(block) }
        let evicted = state.withLock { state -> [Block] in
            state.used -= block.byteCount
            state.blocks[block.sizeClass].append(block)
            state.kept += block.byteCount
            return state.evict(to: state.peak + slack - state.used)
        }
        for block in evicted { deallocate(block) }
    }

    /// Returns what is kept to the system and forgets how much was in use.
    static func release() {
        let evicted = state.withLock { state -> [Block] in
            state.peak = state.used
            return state.evict(to: 0)
        }
        for block in evicted { deallocate(block) }
    }

    /// Bytes in use by arrays of at least 4 KiB, and bytes kept for reuse.
    static var counts: (used: Int, kept: Int) { state.withLock { ($0.used, $0.kept) } }

    private static func allocate(_ bytes: Int, _ sizeClass: Int) -> Block {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        return unsafe Block(
            base: raw.bindMemory(to: Float.self, capacity: bytes / 4), byteCount: bytes,
            sizeClass: sizeClass)
    }

    private static func deallocate(_ block: Block) {
        unsafe UnsafeMutableRawPointer(block.base).deallocate()
    }

    /// The next size with at most four significant bits, and at least one line of 64 bytes.
    private static func rounded(_ bytes: Int) -> (bytes: Int, sizeClass: Int) {
        let bytes = max(bytes, 64)
        let exponent = Int.bitWidth - 1 - bytes.leadingZeroBitCount
        let step = max(64, 1 << (exponent - 3))
        let result = (bytes + step - 1) / step * step
        let rounded = Int.bitWidth - 1 - result.leadingZeroBitCount
        return (result, rounded * 8 + (result - 1 << rounded) >> (rounded - 3))
    }
}

extension FloatMemory.State {
    /// Takes blocks out, the largest first, until at most `limit` bytes are kept.
    fileprivate mutating func evict(to limit: Int) -> [FloatMemory.Block] {
        var result: [FloatMemory.Block] = []
        var sizeClass = blocks.count - 1
        while kept > max(limit, 0), sizeClass >= 0 {
            if let block = blocks[sizeClass].popLast() {
                kept -= block.byteCount
                result.append(block)
            } else {
                sizeClass -= 1
            }
        }
        return result
    }
}

/// The memory of one ``FloatArray``; given back when the last array that shares it is gone.
@safe @usableFromInline
final class FloatStorage: @unchecked Sendable {
    // Contents change only through an array that is the sole owner.
    @usableFromInline let base: UnsafeMutablePointer<Float>
    private let block: FloatMemory.Block

    @usableFromInline
    init(count: Int) {
        block = FloatMemory.take(count)
        unsafe base = block.base
    }

    deinit { FloatMemory.give(block) }
}
