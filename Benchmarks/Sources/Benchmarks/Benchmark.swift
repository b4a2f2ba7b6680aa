import AllocationCounter

/// One way to do a job, timed beside the other ways of its group.
///
/// The first benchmark of a group is its baseline: all others are read as a ratio to it, since
/// only ratios within one run can be compared between machines.
struct Benchmark {
    /// A name that stays the same for as long as the job does: `products/int4-g32`.
    let name: String

    /// Bytes of the stored form that the job reads, or nil when that is not what it is about.
    var storedBytes: Int?

    /// Does the job once; what it returns keeps the compiler from leaving it out.
    let run: () -> Float

    /// Does the job once and says what is wrong with the result, or nil.
    let check: () -> String?
}

/// Benchmarks that do the same job; the first is the baseline.
struct BenchmarkGroup {
    let name: String
    let members: [Benchmark]
}

/// What was measured of one benchmark.
struct Measurement: Codable {
    let name: String
    let baseline: String
    /// Median time of one run of the job.
    let nanoseconds: Double
    /// The baseline's time over this one's: above 1 is faster than the baseline.
    let ratio: Double
    /// Allocations of one run on the calling thread, or nil where they cannot be counted.
    let allocations: Int?
    let storedBytes: Int?
    /// What is wrong with the result, or nil.
    let failure: String?
}

/// Measures a group: rounds in turn, so that a machine that slows down slows all of them.
///
/// - Parameters:
///   - rounds: An odd number; the median over them is reported.
///   - roundTime: The least time that a benchmark runs in each round.
func measure(_ group: BenchmarkGroup, rounds: Int, roundTime: Duration) -> [Measurement] {
    let clock = ContinuousClock()
    let failures = group.members.map { $0.check() }
    let repeats = group.members.map { benchmark in
        let once = clock.measure { keep(benchmark.run()) }
        return max(1, Int((roundTime / max(once, .nanoseconds(1))).rounded(.up)))
    }
    let allocations = group.members.map { benchmark -> Int? in
        halftone_count_allocations(1)
        let before = halftone_allocations()
        keep(benchmark.run())
        let count = halftone_allocations() - before
        halftone_count_allocations(0)
        return halftone_allocations_are_counted() == 1 ? count : nil
    }
    var times = [[Double]](repeating: [], count: group.members.count)
    for _ in 0..<rounds {
        for (index, benchmark) in group.members.enumerated() {
            let elapsed = clock.measure {
                for _ in 0..<repeats[index] { keep(benchmark.run()) }
            }
            times[index].append(elapsed / .nanoseconds(1) / Double(repeats[index]))
        }
    }
    let medians = times.map { $0.sorted()[rounds / 2] }
    return group.members.indices.map { index in
        Measurement(
            name: group.members[index].name, baseline: group.members[0].name,
            nanoseconds: medians[index], ratio: medians[0] / medians[index],
            allocations: allocations[index], storedBytes: group.members[index].storedBytes,
            failure: failures[index])
    }
}

/// Takes a result that nothing else wants.
@inline(never)
@_optimize(none)
func keep(_ value: Float) {}
