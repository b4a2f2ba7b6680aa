/// Which neighbours join, and in what order.
protocol MergeRules {
    /// The rank of joining two symbols, smaller first, and the id of the whole; nil when they
    /// stay apart.
    func merge(
        _ left: SymbolMerger.Symbol, _ right: SymbolMerger.Symbol, in text: [UInt8]
    ) -> (rank: Int32, id: Int32)?
}

/// Joins neighbouring symbols, lowest rank first and leftmost among equals, until none joins.
///
/// Short words scan their ranks for each merge; longer ones keep candidates in a heap and
/// recognise stale ones by where their right part ended, so the time is O(n log n).
struct SymbolMerger: Sendable {
    /// A token, or a character that is none (id -1), and the bytes that it covers.
    struct Symbol: Sendable {
        var id: Int32
        var start: Int32
        var end: Int32
    }

    private struct Candidate: HeapCandidate, Sendable {
        /// The rank in the upper half, the position of the left symbol in the lower.
        var key: UInt64
        var end: Int32
        var id: Int32

        func precedes(_ other: Candidate) -> Bool { key < other.key }
    }

    private static let scanned = 20

    /// The symbols, before and after ``merge(_:in:)``.
    var symbols: [Symbol] = []

    private var ranks: [Int32] = []
    private var merged: [Int32] = []
    private var heap = CandidateHeap<Candidate>()
    private var next: [Int32] = []
    private var previous: [Int32] = []

    /// Joins the symbols in place.
    mutating func merge(_ rules: some MergeRules, in text: [UInt8]) {
        guard symbols.count > 1 else { return }
        if symbols.count <= Self.scanned {
            mergeByScan(rules, text)
        } else {
            mergeByHeap(rules, text)
        }
    }

    private mutating func mergeByScan(_ rules: some MergeRules, _ text: [UInt8]) {
        ranks.removeAll(keepingCapacity: true)
        merged.removeAll(keepingCapacity: true)
        for index in 1..<symbols.count {
            let found = rules.merge(symbols[index - 1], symbols[index], in: text)
            ranks.append(found?.rank ?? .max)
            merged.append(found?.id ?? -1)
        }
        while true {
            var best = -1
            var lowest = Int32.max
            for index in 0..<ranks.count where ranks[index] < lowest {
                lowest = ranks[index]
                best = index
            }
            guard best >= 0 else { return }
            symbols[best].id = merged[best]
            symbols[best].end = symbols[best + 1].end
            symbols.remove(at: best + 1)
            ranks.remove(at: best)
            merged.remove(at: best)
            if best > 0 { rank(best - 1, rules, text) }
            if best < ranks.count { rank(best, rules, text) }
        }
    }

    private mutating func rank(_ index: Int, _ rules: some MergeRules, _ text: [UInt8]) {
        let found = rules.merge(symbols[index], symbols[index + 1], in: text)
        ranks[index] = found?.rank ?? .max
        merged[index] = found?.id ?? -1
    }

    private mutating func mergeByHeap(_ rules: some MergeRules, _ text: [UInt8]) {
        let count = symbols.count
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        heap.removeAll()
        for index in 0..<Int32(truncatingIfNeeded: count) {
            next.append(Int(index) + 1 < count ? index + 1 : -1)
            previous.append(index - 1)
        }
        for index in 0..<count - 1 { offer(index, index + 1, rules, text) }
        while let candidate = heap.pop() {
            let left = Int(candidate.key & 0xFFFF_FFFF)
            // A symbol that was joined to its left has lost its link.
            guard next[left] >= 0 else { continue }
            let right = Int(next[left])
            guard symbols[right].end == candidate.end else { continue }
            symbols[left].id = candidate.id
            symbols[left].end = candidate.end
            next[left] = next[right]
            next[right] = -2
            if next[left] >= 0 {
                previous[Int(next[left])] = Int32(truncatingIfNeeded: left)
                offer(left, Int(next[left]), rules, text)
            }
            if previous[left] >= 0 { offer(Int(previous[left]), left, rules, text) }
        }
        var kept = 0
        var index = 0
        while index >= 0 {
            symbols[kept] = symbols[index]
            kept += 1
            index = Int(next[index])
        }
        symbols.removeLast(count - kept)
    }

    private mutating func offer(
        _ left: Int, _ right: Int, _ rules: some MergeRules, _ text: [UInt8]
    ) {
        guard let found = rules.merge(symbols[left], symbols[right], in: text) else { return }
        let key = UInt64(UInt32(bitPattern: found.rank)) << 32 | UInt64(left)
        heap.push(Candidate(key: key, end: symbols[right].end, id: found.id))
    }
}
