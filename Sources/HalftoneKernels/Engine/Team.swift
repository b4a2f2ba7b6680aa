import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One of the threads that run a program together; they meet at the end of each shared step.
///
/// All threads of a team make the same calls in the same order. Between two meetings a thread
/// reads what was written before the first and writes what nobody else touches.
package struct Team: Sendable {
    /// This thread, from 0.
    package let thread: Int

    /// Threads of the team.
    package let threadCount: Int

    private let board: TeamBoard

    init(thread: Int, threadCount: Int, board: TeamBoard) {
        self.thread = thread
        self.threadCount = threadCount
        self.board = board
    }

    /// This thread as a team of its own, which does what it is asked alone and waits for nobody.
    package var alone: Team { Team(thread: thread, threadCount: 1, board: board) }

    /// Shares out `0 ..< count` in pieces of whole grains, and waits until all are done.
    ///
    /// Who gets which piece is left to chance: a thread that the system interrupts holds the
    /// others up by no more than the piece it has.
    ///
    /// - Parameters:
    ///   - count: The number of items.
    ///   - grain: Pieces begin at multiples of this.
    ///   - pieces: Pieces for each thread, if there are as many grains.
    ///   - body: Called with a piece, from several threads at once.
    @inline(__always)
    package func share(
        _ count: Int, grain: Int = 1, pieces: Int = 4, _ body: (Range<Int>) -> Void
    ) {
        guard threadCount > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        let grains = (count + grain - 1) / grain
        let parts = min(grains, threadCount * pieces)
        let counter = board.counter(round: board.round(of: thread))
        while true {
            let part = counter.take()
            guard part < parts else { break }
            let first = part * grains / parts * grain
            let last = min((part + 1) * grains / parts * grain, count)
            if first < last { body(first..<last) }
        }
        meet()
    }

    /// Lets one thread do something while the others wait.
    package func once(_ body: () -> Void) {
        if thread == 0 { body() }
        if threadCount > 1 { meet() }
    }

    /// Waits for all threads.
    package func meet() {
        guard threadCount > 1 else { return }
        board.meet(thread: thread, threadCount: threadCount)
    }
}

/// What the threads of a team do, as an object that can be used again.
package protocol TeamProgram: AnyObject {
    /// Called once on each thread.
    func run(_ team: Team)
}

extension WorkerPool {
    /// Runs a program on all threads at once and returns when all have ended.
    ///
    /// As with ``run(parts:_:)``, jobs from several threads run one after another.
    package func together(_ program: (Team) -> Void) {
        let board = teamBoard
        run(parts: threadCount) { thread in
            program(Team(thread: thread, threadCount: threadCount, board: board))
        }
    }
}

/// Where the threads of a team meet.
@safe
final class TeamBoard: @unchecked Sendable {
    /// Counts of the pieces that were taken; three take turns, so that one is zero and untouched
    /// while another is in use and a third may still be looked at by a slow thread.
    @safe
    struct Counter {
        fileprivate let value: UnsafeMutablePointer<Atomic<Int>>

        @inline(__always)
        func take() -> Int { unsafe value.pointee.add(1, ordering: .relaxed).oldValue }
    }

    /// Atomics a cache line apart: arrived, meetings, and three counters.
    private let memory: UnsafeMutableRawPointer

    /// The number of meetings that each thread has been at, a cache line apart.
    private let rounds: UnsafeMutablePointer<Int>
    private static let line = 64

    init(threadCount: Int) {
        unsafe memory = .allocate(byteCount: 5 * Self.line, alignment: Self.line)
        unsafe rounds = .allocate(capacity: threadCount * Self.line / 8)
        unsafe rounds.initialize(repeating: 0, count: threadCount * Self.line / 8)
        for index in 0..<5 { unsafe atomic(index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe memory.deallocate()
        unsafe rounds.deallocate()
    }

    @inline(__always)
    private func atomic(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        unsafe (memory + index * Self.line).assumingMemoryBound(to: Atomic<Int>.self)
    }

    @inline(__always)
    func round(of thread: Int) -> Int { unsafe rounds[thread * Self.line / 8] }

    @inline(__always)
    func counter(round: Int) -> Counter { unsafe Counter(value: atomic(2 + round % 3)) }

    func meet(thread: Int, threadCount: Int) {
        let round = round(of: thread)
        unsafe rounds[thread * Self.line / 8] = round + 1
        let arrived = unsafe atomic(0).pointee.add(1, ordering: .acquiringAndReleasing).newValue
        if arrived == threadCount {
            unsafe atomic(0).pointee.store(0, ordering: .relaxed)
            // The counter of the round before this one is used again in the next but one.
            unsafe atomic(2 + (round + 2) % 3).pointee.store(0, ordering: .relaxed)
            unsafe atomic(1).pointee.store(round + 1, ordering: .releasing)
            return
        }
        var spins = 0
        while unsafe atomic(1).pointee.load(ordering: .acquiring) == round {
            spins += 1
            if spins % 4096 == 0 { sched_yield() }
        }
    }
}
