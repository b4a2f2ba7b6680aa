import HalftoneKernels
import Synchronization
import Testing

struct WorkerPoolTests {
    @Test(arguments: [1, 2, 5], [0, 1, 2, 7, 1000])
    func everyPartRunsOnce(threads: Int, parts: Int) {
        let pool = WorkerPool(threads: threads)
        let counts = Mutex([Int](repeating: 0, count: parts))
        for _ in 0..<3 {
            pool.run(parts: parts) { part in counts.withLock { $0[part] += 1 } }
        }
        #expect(counts.withLock { $0 } == [Int](repeating: 3, count: parts))
    }

    @Test(arguments: [1, 15, 16, 17, 1000])
    func splitCoversTheItemsInWholeGrains(count: Int) {
        let pool = WorkerPool(threads: 3)
        let seen = Mutex([Range<Int>]())
        pool.split(count, grain: 16) { range in seen.withLock { $0.append(range) } }
        let ranges = seen.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges.first?.lowerBound == 0)
        #expect(ranges.last?.upperBound == count)
        for (left, right) in zip(ranges, ranges.dropFirst()) {
            #expect(left.upperBound == right.lowerBound)
            #expect(right.lowerBound % 16 == 0)
        }
    }

    @Test func jobsFromSeveralThreadsAllFinish() async {
        let pool = WorkerPool(threads: 2)
        let total = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<50 {
                        pool.run(parts: 10) { _ in total.value.add(1, ordering: .relaxed) }
                    }
                }
            }
        }
        #expect(total.value.load(ordering: .relaxed) == 8 * 50 * 10)
    }

    @Test func aPoolWakesAfterSleep() async throws {
        let pool = WorkerPool(threads: 2)
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(30))
            let total = Atomic<Int>(0)
            pool.run(parts: 64) { _ in total.add(1, ordering: .relaxed) }
            #expect(total.load(ordering: .relaxed) == 64)
        }
    }
}

/// A number that several tasks raise.
private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
