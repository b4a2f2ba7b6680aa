import AllocationCounter
import HalftoneFormats
import HalftoneKernels
import HalftoneRuntime
import Testing

/// A token after the first takes no memory, whatever it is multiplied with.
@Suite(.serialized, .enabled(if: halftone_allocations_are_counted() == 1))
struct AllocationTests {
    /// What all threads of a pool allocate while a body runs.
    private func allocations(_ pool: WorkerPool, _ body: () throws -> Void) rethrows -> Int {
        // Nobody has two turns, since they meet.
        pool.together { team in
            halftone_count_allocations(1)
            team.meet()
        }
        let before = halftone_allocations()
        try body()
        let count = halftone_allocations() - before
        pool.together { team in
            halftone_count_allocations(0)
            team.meet()
        }
        return count
    }

    @Test(
        arguments: ["llama2", "gemma3", "qwen2", "gpt2", "gpt_neox", "phi3"],
        Activations.allCases)
    func aTokenTakesNone(name: String, activations: Activations) throws {
        for threads in [1, 2, 3] {
            let pool = WorkerPool(threads: threads)
            let weights = try PackedDecodingTests.weights(
                name, IntegerFormat(bits: 4, symmetric: false), pool)
            let decoder = Decoder(weights, pool: pool, activations: activations)
            let state = decoder.makeState(capacity: 64)
            var output = try decoder.logits(after: (0..<12).map { Int32($0) }, state: state)
            var next = [Int32](repeating: 1, count: 1)
            // The first makes room for as many positions as there are now.
            try decoder.logits(after: next, state: state, into: &output)
            let count = try allocations(pool) {
                for token in 2..<10 {
                    next[0] = Int32(token)
                    try decoder.logits(after: next, state: state, into: &output)
                }
            }
            #expect(count == 0, "\(name), \(activations), \(threads) threads")
        }
    }

    @Test func countingCounts() {
        let pool = WorkerPool(threads: 2)
        var kept: [[UInt8]] = []
        let count = allocations(pool) { kept.append([UInt8](repeating: 1, count: 4000)) }
        #expect(count >= 1 && kept.count == 1)
    }
}
