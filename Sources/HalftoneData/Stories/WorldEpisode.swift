import HalftoneTensor

/// People who move, take, give and leave things, and questions about who is where and has what.
struct WorldEpisode {
    private struct Person {
        var name: String
        var isBoy: Bool
        var place: Int
        var earlier: Int?
        var pronoun: String { isBoy ? "he" : "she" }
    }

    private struct Thing {
        var name: String
        var color: String
        /// The person who has it; nil when it lies at a place.
        var holder: Int?
        var place: Int
        var giver: Int?
    }

    private var people: [Person]
    private var things: [Thing]
    private let places: [Words.Place]
    private var writer = StoryWriter()
    private let isPast: Bool
    /// Whom the last sentence was about, for pronouns.
    private var subject: Int?

    /// Tells a story and asks about its end.
    static func make(_ random: inout SeededGenerator) -> Episode {
        var world = WorldEpisode(&random)
        world.introduce(&random)
        for _ in 0..<random.integer(in: 4...12) { world.step(&random) }
        return Episode(
            kind: .world, request: nil, body: world.writer.text,
            exchanges: world.questions(&random))
    }

    private init(_ random: inout SeededGenerator) {
        let count = random.integer(in: 2...4)
        places = random.pick(random.integer(in: 3...5), from: Words.places)
        let boys = random.pick(count, from: Words.boys)
        let girls = random.pick(count, from: Words.girls)
        people = []
        for index in 0..<count {
            let isBoy = random.chance(0.5)
            people.append(
                Person(
                    name: isBoy ? boys[index] : girls[index], isBoy: isBoy,
                    place: random.below(places.count)))
        }
        things = []
        for name in random.pick(random.integer(in: 1...3), from: Words.things) {
            things.append(
                Thing(
                    name: name, color: random.pick(Words.colors),
                    place: random.below(places.count)))
        }
        isPast = random.chance(0.75)
    }

    private func verb(_ past: String, _ present: String) -> String { isPast ? past : present }

    private mutating func introduce(_ random: inout SeededGenerator) {
        let was = verb("was", "is")
        for thing in things {
            let place = places[thing.place].phrase
            let article = Words.article(for: thing.color)
            writer.say(
                random.chance(0.5)
                    ? "there \(was) \(article) \(thing.color) \(thing.name) \(place)."
                    : "\(article) \(thing.color) \(thing.name) \(was) \(place).")
        }
        for person in people {
            writer.say("\(person.name) \(was) \(places[person.place].phrase).")
        }
    }

    /// One event, drawn among those that are possible.
    private mutating func step(_ random: inout SeededGenerator) {
        let who = random.below(people.count)
        let held = things.indices.filter { things[$0].holder == who }
        let near = things.indices.filter {
            things[$0].holder == nil && things[$0].place == people[who].place
        }
        let others = people.indices.filter { $0 != who && people[$0].place == people[who].place }
        switch random.below(10) {
        case 0..<4 where !near.isEmpty: take(who, random.pick(near), &random)
        case 4..<6 where !held.isEmpty && !others.isEmpty:
            give(who, random.pick(held), random.pick(others), &random)
        case 6 where !held.isEmpty: drop(who, random.pick(held), &random)
        case 7 where !others.isEmpty: moveTogether(who, random.pick(others), &random)
        default: move(who, &random)
        }
    }

    /// The name, or a pronoun when the last sentence was about the same person.
    private mutating func name(_ who: Int, _ random: inout SeededGenerator) -> String {
        defer { subject = who }
        if subject == who, random.chance(0.6) {
            return random.pick(["", "then ", "after that, "]) + people[who].pronoun
        }
        return people[who].name
    }

    private mutating func move(_ who: Int, _ random: inout SeededGenerator) {
        let to = otherPlace(than: people[who].place, &random)
        let (past, present) = random.pick([
            ("went", "goes"), ("walked", "walks"), ("ran", "runs"), ("hurried", "hurries"),
            ("moved", "moves"), ("came", "comes"),
        ])
        writer.say("\(name(who, &random)) \(verb(past, present)) to the \(places[to].name).")
        people[who].earlier = people[who].place
        people[who].place = to
    }

    private mutating func moveTogether(
        _ who: Int, _ other: Int, _ random: inout SeededGenerator
    ) {
        let to = otherPlace(than: people[who].place, &random)
        let (past, present) = random.pick([("went", "go"), ("walked", "walk"), ("ran", "run")])
        writer.say(
            """
            \(people[who].name) and \(people[other].name) \(verb(past, present)) to the \
            \(places[to].name) together.
            """)
        for person in [who, other] {
            people[person].earlier = people[person].place
            people[person].place = to
        }
        subject = nil
    }

    private mutating func take(_ who: Int, _ what: Int, _ random: inout SeededGenerator) {
        let (past, present) = random.pick([
            ("picked up", "picks up"), ("took", "takes"), ("found", "finds"), ("got", "gets"),
        ])
        writer.say("\(name(who, &random)) \(verb(past, present)) the \(things[what].name).")
        things[what].holder = who
        things[what].giver = nil
    }

    private mutating func drop(_ who: Int, _ what: Int, _ random: inout SeededGenerator) {
        let (past, present) = random.pick([
            ("dropped", "drops"), ("left", "leaves"), ("put down", "puts down"),
        ])
        let place = random.chance(0.3) ? "there" : places[people[who].place].phrase
        writer.say(
            "\(name(who, &random)) \(verb(past, present)) the \(things[what].name) \(place).")
        things[what].holder = nil
        things[what].place = people[who].place
        things[what].giver = nil
    }

    private mutating func give(
        _ who: Int, _ what: Int, _ to: Int, _ random: inout SeededGenerator
    ) {
        let (past, present) = random.pick([
            ("gave", "gives"), ("handed", "hands"), ("passed", "passes"),
        ])
        let giver = name(who, &random)
        let (thing, receiver) = (things[what].name, people[to].name)
        writer.say(
            random.chance(0.5)
                ? "\(giver) \(verb(past, present)) the \(thing) to \(receiver)."
                : "\(giver) \(verb(past, present)) \(receiver) the \(thing).")
        things[what].holder = to
        things[what].giver = who
        subject = nil
    }

    private func otherPlace(than place: Int, _ random: inout SeededGenerator) -> Int {
        (place + 1 + random.below(places.count - 1)) % places.count
    }
}

// MARK: - Questions

extension WorldEpisode {
    private func questions(_ random: inout SeededGenerator) -> [Episode.Exchange] {
        var exchanges: [Episode.Exchange] = []
        for _ in 0..<random.integer(in: 2...5) {
            let exchange = question(&random)
            if !exchanges.contains(where: { $0.question == exchange.question }) {
                exchanges.append(exchange)
            }
        }
        return exchanges
    }

    private func question(_ random: inout SeededGenerator) -> Episode.Exchange {
        let person = random.below(people.count)
        let thing = random.below(things.count)
        switch random.below(10) {
        case 0..<2: return wherePerson(person)
        case 2: return isThere(person, &random)
        case 3 where people[person].earlier != nil: return before(person)
        case 4: return whoHas(thing)
        case 5..<7: return whereThing(thing)
        case 7: return whatHas(person, &random)
        case 8: return howMany(person)
        case 9 where things[thing].giver != nil: return whoGave(thing)
        default: return color(thing)
        }
    }

    private func elsewhere(_ place: Int, _ text: (Words.Place) -> String) -> [String] {
        places.indices.filter { $0 != place }.map { text(places[$0]) }
    }

    private func wherePerson(_ who: Int) -> Episode.Exchange {
        let (name, place) = (people[who].name, people[who].place)
        return .init(
            question: "Where is \(name)?", answer: "\(name) is \(places[place].phrase).",
            wrong: elsewhere(place) { "\(name) is \($0.phrase)." })
    }

    private func isThere(_ who: Int, _ random: inout SeededGenerator) -> Episode.Exchange {
        let (name, place) = (people[who].name, people[who].place)
        let asked = random.chance(0.5) ? place : otherPlace(than: place, &random)
        let yes = "Yes, \(name) is \(places[asked].phrase)."
        let no = "No, \(name) is \(places[place].phrase)."
        return .init(
            question: "Is \(name) \(places[asked].phrase)?", answer: asked == place ? yes : no,
            wrong: asked == place
                ? elsewhere(place) { "No, \(name) is \($0.phrase)." } : [yes])
    }

    private func before(_ who: Int) -> Episode.Exchange {
        let person = people[who]
        let earlier = person.earlier ?? person.place
        return .init(
            question:
                "Where was \(person.name) before \(person.pronoun) came to the "
                + "\(places[person.place].name)?",
            answer: "\(person.name) was \(places[earlier].phrase).",
            wrong: elsewhere(earlier) { "\(person.name) was \($0.phrase)." })
    }

    private func whoHas(_ what: Int) -> Episode.Exchange {
        let thing = things[what]
        let names = people.indices.filter { $0 != thing.holder }.map { people[$0].name }
        var wrong = names.map { "\($0) has the \(thing.name)." }
        var answer = "Nobody has the \(thing.name)."
        if let holder = thing.holder {
            wrong.append(answer)
            answer = "\(people[holder].name) has the \(thing.name)."
        }
        return .init(question: "Who has the \(thing.name)?", answer: answer, wrong: wrong)
    }

    private func whereThing(_ what: Int) -> Episode.Exchange {
        let thing = things[what]
        let place = thing.holder.map { people[$0].place } ?? thing.place
        return .init(
            question: "Where is the \(thing.name)?",
            answer: "The \(thing.name) is \(places[place].phrase).",
            wrong: elsewhere(place) { "The \(thing.name) is \($0.phrase)." })
    }

    private func whatHas(_ who: Int, _ random: inout SeededGenerator) -> Episode.Exchange {
        func sentence(_ held: [Int]) -> String {
            "\(people[who].name) has \(Words.joined(held.map { "the " + things[$0].name }))."
        }
        let held = things.indices.filter { things[$0].holder == who }
        let flipped = random.below(things.count)
        let other = things.indices.filter { held.contains($0) != ($0 == flipped) }
        return .init(
            question: "What does \(people[who].name) have?", answer: sentence(held),
            wrong: [sentence(other), sentence(held.isEmpty ? Array(things.indices) : [])])
    }

    private func howMany(_ who: Int) -> Episode.Exchange {
        func sentence(_ count: Int) -> String {
            "\(people[who].name) has \(count == 0 ? "no" : Words.number(count)) "
                + "thing\(count == 1 ? "" : "s")."
        }
        let count = things.filter { $0.holder == who }.count
        return .init(
            question: "How many things does \(people[who].name) have?", answer: sentence(count),
            wrong: (0...3).map(sentence))
    }

    private func whoGave(_ what: Int) -> Episode.Exchange {
        let thing = things[what]
        let (giver, holder) = (thing.giver ?? 0, thing.holder ?? 0)
        func sentence(_ who: Int) -> String {
            "\(people[who].name) gave the \(thing.name) to \(people[holder].name)."
        }
        let others = people.indices.filter { $0 != giver && $0 != holder }
        return .init(
            question: "Who gave the \(thing.name) to \(people[holder].name)?",
            answer: sentence(giver),
            wrong: others.map(sentence)
                + ["\(people[holder].name) gave the \(thing.name) to \(people[giver].name)."])
    }

    private func color(_ what: Int) -> Episode.Exchange {
        let thing = things[what]
        return .init(
            question: "What colour is the \(thing.name)?",
            answer: "The \(thing.name) is \(thing.color).",
            wrong: Words.colors.map { "The \(thing.name) is \($0)." })
    }
}
