import Foundation
import Synchronization

/// Makes batches in the background, a few ahead of where they are used.
///
/// Batches come in the order of their numbers however many are made ahead and by however many
/// threads. At most `depth` finished or unfinished batches are held; when the prefetcher is
/// released, its threads stop after the batch that each is making.
///
///     let batches = Prefetcher(from: resumed, depth: 4) { number in
///         images.batch(number * 64..<(number + 1) * 64)
///     }
///     while step < steps { train(try batches.next()) }
public final class Prefetcher<Batch: Sendable>: Sendable {
    private let queue: Queue

    /// Starts making batches.
    ///
    /// - Parameters:
    ///   - first: The number of the first batch.
    ///   - end: One more than the number of the last batch; nil goes on for ever.
    ///   - depth: The most batches that are held, at least 1.
    ///   - threads: How many batches are made at once, at least 1.
    ///   - make: Makes the batch of a number; called on threads of the prefetcher.
    public init(
        from first: Int = 0, to end: Int? = nil, depth: Int = 4, threads: Int = 1,
        make: @escaping @Sendable (Int) throws -> Batch
    ) {
        precondition(depth > 0 && threads > 0, "a depth of \(depth) with \(threads) threads")
        let queue = Queue(first: first, end: end ?? .max, depth: depth)
        self.queue = queue
        for number in 0..<min(threads, depth) {
            let thread = Thread { queue.work(make) }
            thread.name = "halftone.prefetch.\(number)"
            thread.stackSize = 1 << 22
            thread.start()
        }
    }

    deinit { queue.stop() }

    /// The next batch, waiting for it when it is not finished; nil after the last one.
    ///
    /// - Throws: What making this batch threw; the batches after it are still to be had.
    public func next() throws -> Batch? { try queue.take()?.get() }
}

extension Prefetcher {
    /// What threads share: finished batches by their numbers, under one lock.
    private final class Queue: @unchecked Sendable {
        // Every stored property below is read and written with the condition locked.
        private let condition = NSCondition()
        private var finished: [Int: Result<Batch, any Error>] = [:]
        private var nextToMake: Int
        private var nextToTake: Int
        private var isStopped = false
        private let end: Int
        private let depth: Int

        init(first: Int, end: Int, depth: Int) {
            nextToMake = first
            nextToTake = first
            self.end = end
            self.depth = depth
        }

        func work(_ make: (Int) throws -> Batch) {
            while let number = claim() {
                let result = Result { try make(number) }
                condition.lock()
                finished[number] = result
                condition.broadcast()
                condition.unlock()
            }
        }

        /// The number of the next batch to make, or nil when there is nothing more to do.
        private func claim() -> Int? {
            condition.lock()
            defer { condition.unlock() }
            while !isStopped, nextToMake < end, nextToMake - nextToTake >= depth {
                condition.wait()
            }
            guard !isStopped, nextToMake < end else { return nil }
            nextToMake += 1
            return nextToMake - 1
        }

        func take() -> Result<Batch, any Error>? {
            condition.lock()
            defer { condition.unlock() }
            guard nextToTake < end else { return nil }
            while finished[nextToTake] == nil { condition.wait() }
            let result = finished.removeValue(forKey: nextToTake)
            nextToTake += 1
            condition.broadcast()
            return result
        }

        func stop() {
            condition.lock()
            isStopped = true
            condition.broadcast()
            condition.unlock()
        }
    }
}
