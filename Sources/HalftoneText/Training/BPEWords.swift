/// The pieces of a text as tokens, with the counts of neighbouring pairs kept up to date.
struct BPEWords {
    /// Two neighbouring tokens.
    struct Pair: Equatable {
        var left: Int32
        var right: Int32
    }

    private struct Candidate: HeapCandidate {
        var count: Int
        var pair: Pair

        /// Whether this one is taken before another.
        func precedes(_ other: Candidate) -> Bool {
            if count != other.count { return count > other.count }
            if pair.left != other.pair.left { return pair.left < other.pair.left }
            return pair.right < other.pair.right
        }
    }

    /// The tokens of all pieces, one after another; a merge shortens a piece in its place.
    private var symbols: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [Int32] = []
    private let weights: [Int]

    /// Where each pair is in the two arrays below.
    private var numbers = PairTable(capacity: 1 << 14)
    private var counts: [Int] = []
    /// Pieces that held the pair when it was counted; some may have lost it since.
    private var places: [[Int32]] = []

    /// Pairs by their counts; one that has changed since stays until it is met.
    private var heap = CandidateHeap<Candidate>()
    /// For each pair, the last merge that added to it.
    private var turns: [Int] = []
    private var turn = 0

    /// Counts the pairs of pieces.
    init(pieces: ByteStringTable, counts weights: [Int], idOfByte: [Int32]) {
        self.weights = weights
        symbols.reserveCapacity(pieces.byteCount)
        for index in 0..<pieces.count {
            starts.append(symbols.count)
            for byte in pieces[index] { symbols.append(idOfByte[Int(byte)]) }
            lengths.append(Int32(truncatingIfNeeded: symbols.count - starts[index]))
        }
        var pairs: [Pair] = []
        for index in 0..<pieces.count {
            let start = starts[index]
            for place in start..<max(start, start + Int(lengths[index]) - 1) {
                let pair = Pair(left: symbols[place], right: symbols[place + 1])
                let number = add(weights[index], to: pair, in: index)
                if number == pairs.count { pairs.append(pair) }
            }
        }
        for (number, pair) in pairs.enumerated() {
            heap.push(Candidate(count: counts[number], pair: pair))
        }
    }

    /// The pair that occurs most often, or nil when none occurs often enough.
    mutating func mostFrequent(least: Int) -> Pair? {
        while let top = heap.pop() {
            guard let number = numbers[top.pair.left, top.pair.right] else { continue }
            let count = counts[Int(number.first)]
            if count == top.count { return count >= least ? top.pair : nil }
            // The count has sunk since; a greater one has a candidate of its own.
            if count > 0, count < top.count { heap.push(Candidate(count: count, pair: top.pair)) }
        }
        return nil
    }

    /// Replaces a pair by one token in every piece.
    mutating func merge(_ pair: Pair, into id: Int32) {
        guard let number = numbers[pair.left, pair.right].map({ Int($0.first) }) else { return }
        let pieces = places[number]
        places[number] = []
        turn += 1
        var changed: [Pair] = []
        for piece in pieces { merge(pair, into: id, piece: Int(piece), &changed) }
        counts[number] = 0
        for pair in changed {
            guard let number = numbers[pair.left, pair.right] else { continue }
            let count = counts[Int(number.first)]
            if count > 0 { heap.push(Candidate(count: count, pair: pair)) }
        }
    }

    private mutating func merge(
        _ pair: Pair, into id: Int32, piece: Int, _ changed: inout [Pair]
    ) {
        let start = starts[piece]
        let end = start + Int(lengths[piece])
        let weight = weights[piece]
        var read = start
        var write = start
        while read < end {
            guard symbols[read] == pair.left, read + 1 < end, symbols[read + 1] == pair.right else {
                symbols[write] = symbols[read]
                read += 1
                write += 1
                continue
            }
            if write > start {
                let before = symbols[write - 1]
                add(-weight, to: Pair(left: before, right: pair.left), in: piece)
                let new = Pair(left: before, right: id)
                let number = add(weight, to: new, in: piece)
                note(number, new, &changed)
            }
            if read + 2 < end {
                let after = symbols[read + 2]
                add(-weight, to: Pair(left: pair.right, right: after), in: piece)
                let new = Pair(left: id, right: after)
                let number = add(weight, to: new, in: piece)
                note(number, new, &changed)
            }
            symbols[write] = id
            write += 1
            read += 2
        }
        lengths[piece] = Int32(truncatingIfNeeded: write - start)
    }

    private mutating func note(_ number: Int, _ pair: Pair, _ changed: inout [Pair]) {
        if turns[number] != turn { changed.append(pair) }
        turns[number] = turn
    }

    /// Adds to the count of a pair and, when it grows, remembers the piece.
    @discardableResult
    private mutating func add(_ weight: Int, to pair: Pair, in piece: Int) -> Int {
        if let found = numbers[pair.left, pair.right] {
            let number = Int(found.first)
            counts[number] += weight
            if weight > 0, places[number].last != Int32(truncatingIfNeeded: piece) {
                places[number].append(Int32(truncatingIfNeeded: piece))
            }
            return number
        }
        let number = counts.count
        numbers.set(
            pair.left, pair.right, to: .init(first: Int32(truncatingIfNeeded: number), second: 0))
        counts.append(weight)
        turns.append(0)
        places.append(weight > 0 ? [Int32(truncatingIfNeeded: piece)] : [])
        return number
    }
}
