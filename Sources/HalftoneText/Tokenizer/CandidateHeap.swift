/// What a heap keeps: one comes before another, or neither does.
protocol HeapCandidate {
    func precedes(_ other: Self) -> Bool
}

/// A binary heap that gives back the candidate that precedes all others.
struct CandidateHeap<Candidate: HeapCandidate & Sendable>: Sendable {
    private var candidates: [Candidate] = []

    /// Empties the heap and keeps its memory.
    mutating func removeAll() { candidates.removeAll(keepingCapacity: true) }

    mutating func push(_ candidate: Candidate) {
        candidates.append(candidate)
        var index = candidates.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard candidate.precedes(candidates[parent]) else { break }
            candidates[index] = candidates[parent]
            index = parent
        }
        candidates[index] = candidate
    }

    mutating func pop() -> Candidate? {
        guard let top = candidates.first, let last = candidates.popLast() else { return nil }
        guard !candidates.isEmpty else { return top }
        var index = 0
        while true {
            var child = index * 2 + 1
            guard child < candidates.count else { break }
            if child + 1 < candidates.count, candidates[child + 1].precedes(candidates[child]) {
                child += 1
            }
            guard candidates[child].precedes(last) else { break }
            candidates[index] = candidates[child]
            index = child
        }
        candidates[index] = last
        return top
    }
}
