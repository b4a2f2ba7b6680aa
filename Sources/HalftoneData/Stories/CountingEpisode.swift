import HalftoneTensor

/// People who gain and lose things that are counted.
enum CountingEpisode {
    private struct Person {
        var name: String
        var pronoun: String
        var count: Int
    }

    /// Tells what people get, give and lose, and asks how many are left.
    static func make(_ random: inout SeededGenerator) -> Episode {
        var writer = StoryWriter()
        let item = random.pick(Words.countable)
        func amount(_ count: Int) -> String {
            Words.number(count) + " " + (count == 1 ? item.one : item.many)
        }
        let boys = random.pick(2, from: Words.boys)
        let girls = random.pick(2, from: Words.girls)
        var people: [Person] = []
        for index in 0..<(random.chance(0.4) ? 1 : 2) {
            let isBoy = random.chance(0.5)
            people.append(
                Person(
                    name: isBoy ? boys[index] : girls[index], pronoun: isBoy ? "he" : "she",
                    count: random.integer(in: 0...9)))
        }
        for person in people {
            writer.say(
                person.count == 0
                    ? "\(person.name) had no \(item.many)."
                    : "\(person.name) had \(amount(person.count)).")
        }
        let started = people
        var last: Int?
        for _ in 0..<random.integer(in: 1...4) {
            let who = random.below(people.count)
            let name = last == who && random.chance(0.6) ? people[who].pronoun : people[who].name
            let opening = random.pick(["", "", "then ", "later, "]) + name
            last = who
            let have = people[who].count
            let choice = random.below(3)
            if choice == 0 || have == 0 {
                let more = random.integer(in: 1...max(1, min(8, 19 - have)))
                let verb = random.pick(["found", "bought", "got"])
                let noun = more == 1 ? item.one : item.many
                writer.say("\(opening) \(verb) \(Words.number(more)) more \(noun).")
                people[who].count += more
            } else if choice == 1 || people.count == 1 {
                let fewer = random.integer(in: 1...have)
                let verb = random.pick(["lost", "sold", "gave away"])
                writer.say("\(opening) \(verb) \(amount(fewer)).")
                people[who].count -= fewer
            } else {
                let given = random.integer(in: 1...have)
                let other = 1 - who
                guard people[other].count + given < 20 else { continue }
                writer.say("\(opening) gave \(amount(given)) to \(people[other].name).")
                people[who].count -= given
                people[other].count += given
                last = nil
            }
        }
        return Episode(
            kind: .counting, request: nil, body: writer.text,
            exchanges: questions(started, people, item, &random))
    }

    private static func questions(
        _ started: [Person], _ people: [Person], _ item: (one: String, many: String),
        _ random: inout SeededGenerator
    ) -> [Episode.Exchange] {
        func amount(_ count: Int) -> String {
            count == 0
                ? "no " + item.many
                : Words.number(count) + " " + (count == 1 ? item.one : item.many)
        }
        var exchanges: [Episode.Exchange] = []
        for (person, start) in zip(people, started) {
            let near = [person.count - 1, person.count + 1, person.count + 2, start.count]
            exchanges.append(
                .init(
                    question: "How many \(item.many) does \(person.name) have now?",
                    answer: "\(person.name) has \(amount(person.count)).",
                    wrong: near.filter { $0 >= 0 }.map { "\(person.name) has \(amount($0))." }))
        }
        if random.chance(0.4) {
            let start = started[0]
            exchanges.append(
                .init(
                    question: "How many \(item.many) did \(start.name) have first?",
                    answer: "\(start.name) had \(amount(start.count)).",
                    wrong: [start.count + 1, start.count + 3, people[0].count].map {
                        "\(start.name) had \(amount($0))."
                    }))
        }
        if people.count == 2 {
            let total = people[0].count + people[1].count
            if random.chance(0.5) {
                exchanges.append(
                    .init(
                        question: "How many \(item.many) do they have together?",
                        answer: "They have \(amount(total)).",
                        wrong: [total + 1, total + 2, abs(total - 1)].map {
                            "They have \(amount($0))."
                        }))
            }
            if random.chance(0.6) {
                let same = "They have the same number."
                let first = "\(people[0].name) has more \(item.many)."
                let second = "\(people[1].name) has more \(item.many)."
                let difference = people[0].count - people[1].count
                exchanges.append(
                    .init(
                        question: "Who has more \(item.many)?",
                        answer: difference > 0 ? first : difference < 0 ? second : same,
                        wrong: [first, second, same]))
            }
        }
        return exchanges
    }
}
