import HalftoneTensor

/// Facts, words and sums that are the same in every document.
enum LessonEpisode {
    /// Describes an animal, a job or a week, or asks a mixed list of questions.
    static func make(_ random: inout SeededGenerator) -> Episode {
        var exchanges: [Episode.Exchange] = []
        var body = ""
        var request: String?
        switch random.below(10) {
        case 0..<3:
            let animal = random.pick(Words.animals)
            (request, body) = description(of: animal, &random)
            for _ in 0..<2 { exchanges.append(question(about: animal, &random)) }
        case 3:
            let work = random.pick(Words.work)
            let article = Words.article(for: work.job)
            request = "What does \(article) \(work.job) do?"
            body =
                "\(article.capitalizedFirst) \(work.job) \(work.does). "
                + "You can meet \(article) \(work.job) in \(place(work.place))."
        default: break
        }
        for _ in 0..<random.integer(in: 3...7) {
            let next =
                random.chance(0.45)
                ? SumLesson.exchange(&random)
                : random.chance(0.5) ? fact(&random) : wordFact(&random)
            exchanges.append(next)
        }
        var asked: Set<String> = []
        exchanges = exchanges.filter { asked.insert($0.question).inserted }
        return Episode(kind: .lesson, request: request, body: body, exchanges: exchanges)
    }

    private static func place(_ name: String) -> String { Words.article(for: name) + " " + name }

    // MARK: Animals

    private static func description(
        of animal: Words.Animal, _ random: inout SeededGenerator
    ) -> (request: String, body: String) {
        let name = Words.article(for: animal.name) + " " + animal.name
        var facts = [
            legs(animal, "It"), "It \(animal.sound).", "It likes to eat \(animal.food).",
            "A young \(animal.name) is called \(place(animal.baby)).",
            "You may find it \(home(animal)).",
            animal.canFly ? "It can fly." : "It cannot fly.",
            animal.canSwim ? "It can swim." : "It cannot swim well.",
        ]
        random.shuffle(&facts)
        let kind = place(animal.kind)
        let chosen = facts.prefix(random.integer(in: 3...7)).joined(separator: " ")
        return (
            random.pick(["Tell me about the \(animal.name).", "What is \(name)?"]),
            "\(name.capitalizedFirst) is \(kind). \(chosen)"
        )
    }

    private static func home(_ animal: Words.Animal) -> String {
        let inside = animal.home == "ice" || animal.home == "cliff" || animal.home == "hillside"
        return inside ? "on the \(animal.home)" : "in the \(animal.home)"
    }

    private static func legs(_ animal: Words.Animal, _ subject: String) -> String {
        animal.legs == 0
            ? "\(subject) has no legs." : "\(subject) has \(Words.number(animal.legs)) legs."
    }

    private static func question(
        about animal: Words.Animal, _ random: inout SeededGenerator
    ) -> Episode.Exchange {
        let name = Words.article(for: animal.name) + " " + animal.name
        let subject = name.capitalizedFirst
        func wrong(_ text: (Words.Animal) -> String) -> [String] {
            let others = random.pick(4, from: Words.animals)
            return others.map(text)
        }
        switch random.below(7) {
        case 0:
            return .init(
                question: "How many legs does \(name) have?", answer: legs(animal, subject),
                wrong: [0, 2, 4, 6, 8].map {
                    $0 == 0
                        ? "\(subject) has no legs." : "\(subject) has \(Words.number($0)) legs."
                })
        case 1:
            return .init(
                question: "What sound does \(name) make?", answer: "\(subject) \(animal.sound).",
                wrong: wrong { "\(subject) \($0.sound)." } + ["\(subject) whistles."])
        case 2:
            let start = "A young \(animal.name) is called "
            return .init(
                question: "What is a young \(animal.name) called?",
                answer: "\(start)\(place(animal.baby)).",
                wrong: wrong { "\(start)\(place($0.baby))." } + ["\(start)a sapling."])
        case 3:
            return .init(
                question: "What does \(name) eat?", answer: "\(subject) eats \(animal.food).",
                wrong: wrong { "\(subject) eats \($0.food)." } + ["\(subject) eats stones."])
        case 4:
            let (yes, no) = ("Yes, \(name) can fly.", "No, \(name) cannot fly.")
            return .init(
                question: "Can \(name) fly?", answer: animal.canFly ? yes : no, wrong: [yes, no])
        case 5:
            return .init(
                question: "What kind of animal is \(name)?",
                answer: "\(subject) is \(place(animal.kind)).",
                wrong: ["mammal", "bird", "insect", "reptile", "amphibian"].map {
                    "\(subject) is \(place($0))."
                })
        default:
            return .init(
                question: "Where does \(name) live?", answer: "\(subject) lives \(home(animal)).",
                wrong: wrong { "\(subject) lives \(home($0))." } + ["\(subject) lives in a book."])
        }
    }

    // MARK: Facts

    private static func fact(_ random: inout SeededGenerator) -> Episode.Exchange {
        switch random.below(6) {
        case 0, 1: return question(about: random.pick(Words.animals), &random)
        case 2: return order(Words.days, "day", &random)
        case 3: return order(Words.months, "month", &random)
        case 4:
            let mix = random.pick(Words.mixtures)
            let (a, b) = random.chance(0.5) ? (mix.0, mix.1) : (mix.1, mix.0)
            let start = "\(a) and \(b) make ".capitalizedFirst
            return .init(
                question: "What do you get when you mix \(a) and \(b)?",
                answer: start + mix.2 + ".", wrong: Words.mixtures.map { start + $0.2 + "." })
        default:
            let work = random.pick(Words.work)
            let others = random.pick(3, from: Words.work)
            return .init(
                question: "Who \(work.does)?",
                answer: "\(place(work.job).capitalizedFirst) \(work.does).",
                wrong: others.map { "\(place($0.job).capitalizedFirst) \(work.does)." }
                    + ["A king \(work.does)."])
        }
    }

    private static func order(
        _ names: [String], _ noun: String, _ random: inout SeededGenerator
    ) -> Episode.Exchange {
        let index = random.below(names.count)
        let step = random.chance(0.6) ? 1 : names.count - 1
        let word = step == 1 ? "after" : "before"
        let subject = "The \(noun) \(word) \(names[index]) is "
        return .init(
            question: "Which \(noun) comes \(word) \(names[index])?",
            answer: subject + names[(index + step) % names.count] + ".",
            wrong: names.map { subject + $0 + "." })
    }

    // MARK: Words

    private static func wordFact(_ random: inout SeededGenerator) -> Episode.Exchange {
        switch random.below(6) {
        case 0, 1:
            let pair = random.pick(Words.opposites)
            let (a, b) = random.chance(0.5) ? (pair.0, pair.1) : (pair.1, pair.0)
            let start = "The opposite of \(a) is "
            return .init(
                question: "What is the opposite of \(a)?", answer: start + b + ".",
                wrong: random.pick(4, from: Words.opposites).map { start + $0.0 + "." }
                    + [start + a + "."])
        case 2:
            let verb = random.pick(Words.verbs)
            let start = "The past form of \(verb.present) is "
            return .init(
                question: "What is the past form of \(verb.present)?",
                answer: start + verb.past + ".",
                wrong: [start + verb.running + ".", start + verb.past + "ed."])
        case 3:
            let item = random.pick(Words.countable)
            let count = random.integer(in: 2...9)
            return .init(
                question: "Say it for \(Words.number(count)): one \(item.one).",
                answer: "\(Words.number(count)) \(item.many).".capitalizedFirst,
                wrong: [
                    "\(Words.number(count)) \(item.many)es.".capitalizedFirst,
                    "One \(item.many).",
                ])
        case 4:
            let group = random.below(Words.classes.count)
            let member = random.pick(Words.classes[group].members)
            let subject = place(member).capitalizedFirst
            func isClass(_ name: String) -> String { "\(subject) is \(place(name))." }
            return .init(
                question: "What is \(place(member))?", answer: isClass(Words.classes[group].name),
                wrong: Words.classes.filter { !$0.members.contains(member) }.map {
                    isClass($0.name)
                })
        default:
            let group = random.below(Words.classes.count)
            var other = random.below(Words.classes.count - 1)
            if other >= group { other += 1 }
            var list = random.pick(3, from: Words.classes[group].members)
            let odd = random.pick(
                Words.classes[other].members.filter {
                    !Words.classes[group].members.contains($0)
                })
            list.append(odd)
            random.shuffle(&list)
            func sentence(_ word: String) -> String {
                "\(word.capitalizedFirst) does not fit, the others are of the kind "
                    + "\(Words.classes[group].name)."
            }
            return .init(
                question: "Which word does not fit: \(list.joined(separator: ", "))?",
                answer: sentence(odd), wrong: list.map(sentence))
        }
    }
}

extension String {
    /// The same text with a capital at its start, for letters of ASCII.
    var capitalizedFirst: String {
        guard let first = utf8.first, first >= 0x61, first <= 0x7A else { return self }
        return String(decoding: [first - 0x20] + utf8.dropFirst(), as: UTF8.self)
    }
}
