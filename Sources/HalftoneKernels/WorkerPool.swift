import Foundation
import Synchronization

/// Threads that share out the parts of one job at a time.
///
/// A pool of `n` runs on the calling thread and `n − 1` of its own, which spin for a moment after
/// each job and then sleep. Which thread runs which part is left to chance, so parts must not
/// depend on each other; results that are summed are summed by the caller in a fixed order.
public final class WorkerPool: Sendable {
    /// Threads that work on a job, the caller's included.
    public let threadCount: Int

    private let board: Board
    private let turn = Mutex<Void>(())

    /// Where the threads of this pool meet when they run one program.
    let teamBoard: TeamBoard

    /// Starts the threads.
    ///
    /// - Parameter threads: At least 1; nil means one per processor that is online.
    public init(threads: Int? = nil) {
        let wanted = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        threadCount = wanted
        board = Board()
        teamBoard = TeamBoard(threadCount: wanted)
        for _ in 1..<max(wanted, 1) {
            let board = board
            let thread = Thread { board.work() }
            thread.name = "halftone.worker"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    deinit { board.stop() }

    /// One pool of all processors, for whoever does not bring another.
    public static let shared = WorkerPool()

    /// The pool that operations on tensors use in this task; ``shared`` unless bound to another.
    ///
    /// `WorkerPool.$current.withValue(pool) { … }` binds it.
    @TaskLocal public static var current = WorkerPool.shared

    /// Runs `body(0)` to `body(parts − 1)`, each once, and returns when all are done.
    ///
    /// Jobs from several threads run one after another. A body must not start a job on the same
    /// pool.
    public func run(parts: Int, _ body: (Int) -> Void) {
        guard parts > 1, threadCount > 1 else {
            for part in 0..<max(parts, 0) { body(part) }
            return
        }
        turn.withLock { _ in
            withoutActuallyEscaping(body) { body in
                board.post(.parts(body), count: parts, helpers: threadCount - 1)
            }
        }
    }

    /// Runs a program on all threads at once and returns when all have ended.
    ///
    /// As with ``run(parts:_:)``, jobs from several threads run one after another. Unlike a closure,
    /// an object that is used again takes no memory.
    package func together(_ program: any TeamProgram) {
        guard threadCount > 1 else {
            return program.run(Team(thread: 0, threadCount: 1, board: teamBoard))
        }
        turn.withLock { _ in
            board.post(
                .program(program, teamBoard), count: threadCount, helpers: threadCount - 1)
        }
    }

    /// Splits `0 ..< count` into ranges of about `grain` or more and runs a body on each.
    ///
    /// As ``split(_:grain:_:)``, but few items are done by the caller alone and with one call.
    func each(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        guard count > grain, threadCount > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        split(count, grain: grain, body)
    }

    /// Splits `0 ..< count` into ranges of at least `grain` and runs a body on each.
    ///
    /// - Parameters:
    ///   - count: The number of items.
    ///   - grain: The boundaries are multiples of this.
    ///   - body: Called once per range, from several threads at once.
    public func split(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        let grains = (count + grain - 1) / grain
        let parts = min(grains, threadCount == 1 ? 1 : threadCount * 4)
        run(parts: parts) { part in
            let first = part * grains / parts * grain
            let last = min((part + 1) * grains / parts * grain, count)
            if first < last { body(first..<last) }
        }
    }
}

/// What the threads of a pool do.
private enum Job {
    /// Parts by their numbers.
    case parts((Int) -> Void)
    /// A program; the number of a part is that of a thread.
    case program(any TeamProgram, TeamBoard)
}

/// What the threads of a pool share.
private final class Board: @unchecked Sendable {
    // `job` and `parts` are written before `generation` is raised and read after it was seen.
    private var job: Job?
    private var parts = 0
    private let generation = Atomic<Int>(0)
    private let next = Atomic<Int>(0)
    private let busy = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let bell = NSCondition()

    func post(_ job: Job, count: Int, helpers: Int) {
        self.job = job
        parts = count
        next.store(0, ordering: .relaxed)
        busy.store(helpers, ordering: .relaxed)
        generation.add(1, ordering: .sequentiallyConsistent)
        ring()
        takeParts(job)
        var spins = 0
        while busy.load(ordering: .acquiring) != 0 {
            spins += 1
            if spins % 4096 == 0 { sched_yield() }
        }
        self.job = nil
    }

    func stop() {
        stopped.store(true, ordering: .sequentiallyConsistent)
        generation.add(1, ordering: .sequentiallyConsistent)
        ring()
    }

    func work() {
        var seen = 0
        while true {
            waitForChange(from: seen)
            seen += 1
            if stopped.load(ordering: .sequentiallyConsistent) { return }
            if let job { takeParts(job) }
            busy.subtract(1, ordering: .acquiringAndReleasing)
        }
    }

    private func takeParts(_ job: Job) {
        while true {
            let part = next.add(1, ordering: .relaxed).oldValue
            guard part < parts else { return }
            switch job {
            case .parts(let body): body(part)
            case .program(let program, let board):
                program.run(Team(thread: part, threadCount: parts, board: board))
            }
        }
    }

    private func ring() {
        guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
        bell.lock()
        bell.broadcast()
        bell.unlock()
    }

    private func waitForChange(from seen: Int) {
        for spin in 1...20_000 {
            if generation.load(ordering: .acquiring) != seen { return }
            if spin % 1024 == 0 { sched_yield() }
        }
        bell.lock()
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen { bell.wait() }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        bell.unlock()
    }
}
