import HalftoneTensor

/// Questions whose answers are computed: sums, counting, sorting, spelling, repeating.
enum SumLesson {
    /// One question.
    static func exchange(_ random: inout SeededGenerator) -> Episode.Exchange {
        switch random.below(12) {
        case 0...3: return sum(&random)
        case 4: return product(&random)
        case 5: return counting(&random)
        case 6: return larger(&random)
        case 7: return sorting(&random)
        case 8: return spelling(&random)
        case 9: return repeating(&random)
        case 10: return inWords(&random)
        default: return neighbour(&random)
        }
    }

    private static func computed(
        _ question: String, _ start: String, _ result: Int
    ) -> Episode.Exchange {
        .init(
            question: question, answer: "\(start) is \(result).",
            wrong: [result + 1, result + 10, abs(result - 1), result + 2].map {
                "\(start) is \($0)."
            })
    }

    private static func sum(_ random: inout SeededGenerator) -> Episode.Exchange {
        let limit = random.chance(0.6) ? 10 : 50
        let (a, b) = (random.integer(in: 0...limit), random.integer(in: 0...limit))
        if random.chance(0.5) {
            return computed("What is \(a) plus \(b)?", "\(a) plus \(b)", a + b)
        }
        let (high, low) = (max(a, b), min(a, b))
        return computed("What is \(high) minus \(low)?", "\(high) minus \(low)", high - low)
    }

    private static func product(_ random: inout SeededGenerator) -> Episode.Exchange {
        let (a, b) = (random.integer(in: 1...10), random.integer(in: 1...10))
        switch random.below(3) {
        case 0: return computed("What is half of \(a * 2)?", "Half of \(a * 2)", a)
        case 1: return computed("What is twice \(a)?", "Twice \(a)", a * 2)
        default: return computed("What is \(a) times \(b)?", "\(a) times \(b)", a * b)
        }
    }

    private static func counting(_ random: inout SeededGenerator) -> Episode.Exchange {
        let start = random.integer(in: 0...40)
        let step = random.pick([1, 1, 1, 2, 5, 10])
        let numbers = (0..<random.integer(in: 4...7)).map { start + $0 * step }
        let end = numbers[numbers.count - 1]
        let by = step == 1 ? "" : " in steps of \(step)"
        let skipped = numbers.enumerated().filter { $0.offset != 2 }.map { "\($0.element)" }
        return .init(
            question: "Count from \(start) to \(end)\(by).",
            answer: numbers.map { "\($0)" }.joined(separator: ", ") + ".",
            wrong: [
                skipped.joined(separator: ", ") + ".",
                numbers.map { "\($0 + 1)" }.joined(separator: ", ") + ".",
            ])
    }

    private static func larger(_ random: inout SeededGenerator) -> Episode.Exchange {
        let a = random.integer(in: 0...99)
        let b = (a + random.integer(in: 1...99)) % 100
        let word = random.chance(0.5) ? "larger" : "smaller"
        let right = word == "larger" ? max(a, b) : min(a, b)
        return .init(
            question: "Which number is \(word), \(a) or \(b)?",
            answer: "\(right) is \(word).", wrong: ["\(a) is \(word).", "\(b) is \(word)."])
    }

    private static func sorting(_ random: inout SeededGenerator) -> Episode.Exchange {
        let numbers = random.distinct(random.integer(in: 3...5), below: 30)
        func text(_ numbers: [Int]) -> String {
            numbers.map { "\($0)" }.joined(separator: ", ")
        }
        let sorted = numbers.sorted()
        return .init(
            question: "Sort these numbers: \(text(numbers)).", answer: text(sorted) + ".",
            wrong: [
                text(sorted.reversed()) + ".", text([sorted[1], sorted[0]] + sorted[2...]) + ".",
            ])
    }

    private static func spelling(_ random: inout SeededGenerator) -> Episode.Exchange {
        let word = random.pick(Words.things)
        func spelled(_ word: String) -> String {
            "\(word.map { "\($0)" }.joined(separator: "-"))."
        }
        return .init(
            question: "How do you spell \(word)?", answer: spelled(word),
            wrong: [spelled(String(word.reversed()) + "s"), spelled(String(word.dropLast()))])
    }

    private static func repeating(_ random: inout SeededGenerator) -> Episode.Exchange {
        let words = random.pick(random.integer(in: 2...6), from: Words.things)
        let backwards = Array(words.reversed())
        func text(_ words: [String]) -> String { words.joined(separator: " ") + "." }
        return random.chance(0.6)
            ? .init(
                question: "Repeat these words: \(text(words))", answer: text(words),
                wrong: [text(backwards), text(Array(words.dropLast()))])
            : .init(
                question: "Say these words backwards: \(text(words))", answer: text(backwards),
                wrong: [text(words), text(Array(backwards.dropLast()))])
    }

    private static func inWords(_ random: inout SeededGenerator) -> Episode.Exchange {
        let number = random.integer(in: 0...99)
        let word = Words.number(number)
        if random.chance(0.5) {
            return .init(
                question: "Write \(number) in words.", answer: "\(word).".capitalizedFirst,
                wrong: [(number + 1) % 100, (number + 10) % 100].map {
                    "\(Words.number($0)).".capitalizedFirst
                })
        }
        return .init(
            question: "Write \(word) in digits.", answer: "\(number).",
            wrong: ["\(number + 1).", "\(number + 10)."])
    }

    private static func neighbour(_ random: inout SeededGenerator) -> Episode.Exchange {
        let number = random.integer(in: 1...98)
        let isAfter = random.chance(0.6)
        let word = isAfter ? "after" : "before"
        return .init(
            question: "Which number comes \(word) \(number)?",
            answer: "\(number + (isAfter ? 1 : -1)) comes \(word) \(number).",
            wrong: [2, -2, isAfter ? -1 : 1].map { "\(abs(number + $0)) comes \(word) \(number)." })
    }
}
