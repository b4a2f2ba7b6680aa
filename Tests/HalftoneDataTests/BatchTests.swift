import HalftoneData
import Synchronization
import Testing

@Suite struct BatchTests {
    @Test(arguments: [1, 2, 3, 7, 64, 65, 1000, 4097])
    func everyOrderIsAPermutation(count: Int) {
        for epoch in 0..<3 {
            let order = SeededOrder(count: count, seed: 9, epoch: epoch)
            #expect(Set((0..<count).map { order[$0] }) == Set(0..<count))
        }
    }

    @Test func ordersDifferAndLookRandom() {
        let count = 1000
        let first = SeededOrder(count: count, seed: 1)
        let again = SeededOrder(count: count, seed: 1)
        #expect((0..<count).allSatisfy { first[$0] == again[$0] })
        for other in [
            SeededOrder(count: count, seed: 2), SeededOrder(count: count, seed: 1, epoch: 1),
        ] {
            // Two random orders agree at one place on average, at 10 once in a million times.
            #expect((0..<count).count { first[$0] == other[$0] } < 10)
        }
        // Neighbours rise as often as they fall; the count of rises has variance (n + 1) / 12.
        let rises = (1..<count).count { first[$0] > first[$0 - 1] }
        #expect(abs(Double(rises) - 499.5) < 5 * (1001.0 / 12).squareRoot())
        // The first half holds half of the small indices; hypergeometric, variance n / 16.
        let small = (0..<500).count { first[$0] < 500 }
        #expect(abs(Double(small) - 250) < 5 * (1000.0 / 16).squareRoot())
    }

    @Test func plansAreWithoutHistory() {
        let plan = BatchPlan(exampleCount: 103, batchSize: 10, seed: 4)
        #expect(plan.batchesPerEpoch == 10)
        for epoch in 0..<2 {
            let seen = (0..<10).flatMap { plan[epoch * 10 + $0] }
            #expect(Set(seen).count == 100)
        }
        #expect(plan[3] != plan[13])
        let whole = BatchPlan(exampleCount: 103, batchSize: 10, seed: nil, dropsIncomplete: false)
        #expect(whole.batchesPerEpoch == 11)
        #expect((0..<11).flatMap { whole[$0] } == Array(0..<103))
        #expect(whole[10] == [100, 101, 102])
    }

    @Test(arguments: [1, 2, 7], [1, 3])
    func batchesComeInOrderHoweverManyAreMadeAhead(depth: Int, threads: Int) throws {
        let batches = Prefetcher(from: 5, to: 60, depth: depth, threads: threads) { number in
            // Work of uneven length, so that threads overtake each other.
            (0..<(number % 5) * 2000).reduce(number) { sum, _ in sum }
        }
        var seen: [Int] = []
        while let batch = try batches.next() { seen.append(batch) }
        #expect(seen == Array(5..<60))
    }

    @Test func theQueueIsBounded() throws {
        let made = Mutex(0)
        let batches = Prefetcher(depth: 3, threads: 2) { number in
            made.withLock { $0 = max($0, number + 1) }
            return number
        }
        for taken in 1...50 {
            _ = try batches.next()
            // Three ahead of those taken, no more.
            #expect(made.withLock { $0 } <= taken + 3)
        }
    }

    private struct Broken: Error {}

    @Test func anErrorIsThrownForItsBatchAlone() throws {
        let batches = Prefetcher(to: 3, depth: 2) { number in
            if number == 1 { throw Broken() }
            return number
        }
        #expect(try batches.next() == 0)
        #expect(throws: Broken.self) { try batches.next() }
        #expect(try batches.next() == 2)
        #expect(try batches.next() == nil)
    }

    @Test func sequencesArePaddedAndMarked() {
        let padded = PaddedSequences([[1, 2, 3], [], [4]], length: 2, padding: 9)
        #expect(padded.ids == [2, 3, 9, 9, 4, 9])
        #expect(padded.mask == [1, 1, 0, 0, 1, 0])
        #expect(PaddedSequences([[1, 2, 3]], length: 2, keepsEnd: false).ids == [1, 2])
        #expect(PaddedSequences([[1], [2, 3]]).length == 2)
        #expect(padded.rows([2, 0]).ids == [4, 0, 2, 3])
    }

    @Test func rowsOfATableStayTogether() {
        var batch = TableBatch(rowCount: 3)
        batch.categories["a"] = [0, 1, 2]
        batch.numbers["x"] = [0.5, 1.5, 2.5]
        batch.labels["click"] = [0, 1, 0]
        batch.treatment = [1, 0, 1]
        batch.sequences["seen"] = PaddedSequences([[1], [2, 3], []])
        #expect(batch.problems.isEmpty)
        let rows = batch.rows([2, 1, 1])
        #expect(rows.rowCount == 3)
        #expect(rows.categories["a"] == [2, 1, 1])
        #expect(rows.numbers["x"] == [2.5, 1.5, 1.5])
        #expect(rows.treatment == [1, 0, 0])
        #expect(rows.sequences["seen"]?.mask == [0, 0, 1, 1, 1, 1])
        batch.users = [1]
        #expect(batch.problems == ["users has 1 of 3 rows"])
    }
}
