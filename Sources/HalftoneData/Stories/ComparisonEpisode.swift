import HalftoneTensor

/// People who are put in order by age, height and the like.
enum ComparisonEpisode {
    private static let qualities: [(more: String, most: String, less: String, least: String)] = [
        ("taller", "tallest", "shorter", "shortest"), ("older", "oldest", "younger", "youngest"),
        ("faster", "fastest", "slower", "slowest"),
        ("stronger", "strongest", "weaker", "weakest"),
        ("richer", "richest", "poorer", "poorest"), ("louder", "loudest", "quieter", "quietest"),
        ("heavier", "heaviest", "lighter", "lightest"),
    ]

    /// Compares neighbours in an order and asks about the whole of it, or tells ages.
    static func make(_ random: inout SeededGenerator) -> Episode {
        let count = random.integer(in: 3...5)
        let names = random.pick(count, from: Words.boys + Words.girls)
        return random.chance(0.6) ? order(names, &random) : ages(names, &random)
    }

    private static func order(
        _ names: [String], _ random: inout SeededGenerator
    ) -> Episode {
        // The first name has most.
        let quality = random.pick(qualities)
        var pairs = (1..<names.count).map { (names[$0 - 1], names[$0]) }
        random.shuffle(&pairs)
        var writer = StoryWriter()
        for (greater, smaller) in pairs {
            writer.say(
                random.chance(0.5)
                    ? "\(greater) is \(quality.more) than \(smaller)."
                    : "\(smaller) is \(quality.less) than \(greater).")
        }
        var exchanges: [Episode.Exchange] = []
        func superlative(_ word: String, _ answer: Int) {
            exchanges.append(
                .init(
                    question: "Who is the \(word)?", answer: "\(names[answer]) is the \(word).",
                    wrong: names.map { "\($0) is the \(word)." }))
        }
        if random.chance(0.7) { superlative(quality.most, 0) }
        if random.chance(0.7) { superlative(quality.least, names.count - 1) }
        for _ in 0..<random.integer(in: 1...2) {
            let pair = random.distinct(2, below: names.count)
            let word = random.chance(0.5) ? quality.more : quality.less
            let isTrue = (pair[0] < pair[1]) == (word == quality.more)
            let yes = "Yes, \(names[pair[0]]) is \(word) than \(names[pair[1]])."
            let no = "No, \(names[pair[1]]) is \(word) than \(names[pair[0]])."
            let question = "Is \(names[pair[0]]) \(word) than \(names[pair[1]])?"
            if exchanges.contains(where: { $0.question == question }) { continue }
            exchanges.append(
                .init(question: question, answer: isTrue ? yes : no, wrong: [yes, no]))
        }
        return Episode(kind: .comparison, request: nil, body: writer.text, exchanges: exchanges)
    }

    private static func ages(_ names: [String], _ random: inout SeededGenerator) -> Episode {
        var ages = [random.integer(in: 4...12)]
        var writer = StoryWriter()
        writer.say("\(names[0]) is \(years(ages[0])) old.")
        for index in 1..<names.count {
            let other = random.below(index)
            let difference = random.integer(in: 1...4)
            if random.chance(0.25) {
                ages.append(ages[other])
                writer.say("\(names[index]) is as old as \(names[other]).")
            } else if ages[other] > difference + 1, random.chance(0.5) {
                ages.append(ages[other] - difference)
                writer.say(
                    "\(names[index]) is \(years(difference)) younger than \(names[other]).")
            } else {
                ages.append(ages[other] + difference)
                writer.say("\(names[index]) is \(years(difference)) older than \(names[other]).")
            }
        }
        var exchanges: [Episode.Exchange] = []
        for index in random.distinct(random.integer(in: 1...2), below: names.count) {
            exchanges.append(
                .init(
                    question: "How old is \(names[index])?",
                    answer: "\(names[index]) is \(years(ages[index])) old.",
                    wrong: [1, 2, 3].flatMap { [ages[index] + $0, max(1, ages[index] - $0)] }.map {
                        "\(names[index]) is \(years($0)) old."
                    }))
        }
        let pair = random.distinct(2, below: names.count)
        let same = "They are equally old."
        let first = "\(names[pair[0]]) is older."
        let second = "\(names[pair[1]]) is older."
        let difference = ages[pair[0]] - ages[pair[1]]
        exchanges.append(
            .init(
                question: "Who is older, \(names[pair[0]]) or \(names[pair[1]])?",
                answer: difference > 0 ? first : difference < 0 ? second : same,
                wrong: [first, second, same]))
        return Episode(kind: .comparison, request: nil, body: writer.text, exchanges: exchanges)
    }

    private static func years(_ count: Int) -> String {
        Words.number(count) + (count == 1 ? " year" : " years")
    }
}
