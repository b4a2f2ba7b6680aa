import HalftoneTensor

/// A tale: a hero, a problem, what was tried, and an end.
struct TaleEpisode {
    /// A plot as phrases, and what can be asked about it.
    struct Plot: Sendable {
        /// What a reader asks for; nil when any tale would do.
        let request: Phrase
        let lines: [Phrase]
        let endings: [Phrase]
        let questions: [Question]

        init(
            request: String, _ lines: [String], endings: [String],
            questions: [(question: String, answer: String, wrong: [String])]
        ) {
            self.request = Phrase(request)
            self.lines = lines.map { Phrase($0) }
            self.endings = endings.map { Phrase($0) }
            self.questions = questions.map {
                Question(
                    question: Phrase($0.question), answer: Phrase($0.answer),
                    wrong: $0.wrong.map { Phrase($0) })
            }
        }
    }

    /// A question whose phrases have no choices, so that the answer has one form.
    struct Question: Sendable {
        let question: Phrase
        let answer: Phrase
        let wrong: [Phrase]
    }

    /// Tells one of the plots with a cast of its own.
    static func make(_ random: inout SeededGenerator) -> Episode {
        var writer = StoryWriter()
        cast(&writer, &random)
        let plot = random.pick(TalePlots.all)
        writer.say(random.pick(TalePlots.openings), &random)
        if random.chance(0.7) { writer.say(random.pick(TalePlots.backgrounds), &random) }
        for line in plot.lines { writer.say(line, &random) }
        if !plot.endings.isEmpty { writer.say(random.pick(plot.endings), &random) }
        if random.chance(0.3) { writer.say(random.pick(TalePlots.closings), &random) }
        let body = writer.take()
        func text(_ phrase: Phrase) -> String {
            writer.say(phrase, &random)
            return writer.take()
        }
        var exchanges: [Episode.Exchange] = []
        let questions = plot.questions + TalePlots.questions
        for index in random.distinct(random.integer(in: 0...3), below: questions.count) {
            let question = questions[index]
            exchanges.append(
                .init(
                    question: text(question.question), answer: text(question.answer),
                    wrong: question.wrong.map(text)))
        }
        return Episode(
            kind: .tale, request: text(plot.request), body: body, exchanges: exchanges)
    }

    /// Fills every slot; those ending in 2, C and D differ from the others of their kind.
    private static func cast(_ writer: inout StoryWriter, _ random: inout SeededGenerator) {
        let boys = random.pick(4, from: Words.boys)
        let girls = random.pick(4, from: Words.girls)
        let kinds = random.pick(2, from: Words.heroAnimals)
        var isBoy: [Bool] = []
        for index in 0..<4 {
            isBoy.append(random.chance(0.5))
            let slot: StorySlot = [.A, .B, .C, .D][index]
            writer[slot] = isBoy[index] ? boys[index] : girls[index]
        }
        writer[.he] = isBoy[0] ? "he" : "she"
        writer[.him] = isBoy[0] ? "him" : "her"
        writer[.his] = isBoy[0] ? "his" : "her"
        writer[.himself] = isBoy[0] ? "himself" : "herself"
        writer[.kindA] = random.chance(0.6) ? (isBoy[0] ? "boy" : "girl") : kinds[0]
        writer[.heB] = isBoy[1] ? "he" : "she"
        writer[.himB] = isBoy[1] ? "him" : "her"
        writer[.hisB] = isBoy[1] ? "his" : "her"
        writer[.kindB] = random.chance(0.5) ? (isBoy[1] ? "boy" : "girl") : kinds[1]
        let things = random.pick(2, from: Words.things)
        let colors = random.pick(2, from: Words.colors)
        (writer[.o], writer[.o2]) = (things[0], things[1])
        (writer[.col], writer[.col2]) = (colors[0], colors[1])
        let places = random.pick(3, from: Words.places)
        (writer[.at], writer[.at2], writer[.at3]) =
            (places[0].phrase, places[1].phrase, places[2].phrase)
        (writer[.place], writer[.place2], writer[.place3]) =
            (places[0].name, places[1].name, places[2].name)
        let animals = random.pick(2, from: Words.animals)
        (writer[.animal], writer[.animal2]) = (animals[0].name, animals[1].name)
        let foods = random.pick(2, from: Words.foods)
        (writer[.food], writer[.food2]) = (foods[0], foods[1])
        let fruits = random.pick(2, from: Words.countable)
        (writer[.fruits], writer[.fruits2]) = (fruits[0].many, fruits[1].many)
        writer[.family] = random.pick(Words.families)
        writer[.job] = random.pick(Words.jobs)
        writer[.trait] = random.pick(Words.traits)
        writer[.mood] = random.pick(Words.moods)
        writer[.weather] = random.pick(Words.weather)
        writer[.day] = random.pick(Words.days)
        writer[.season] = random.pick(Words.seasons)
        writer[.hobby] = random.pick(TalePlots.hobbies)
        let skills = random.pick(2, from: TalePlots.skills)
        (writer[.skill], writer[.skillPast], writer[.skill2]) =
            (skills[0].present, skills[0].past, skills[1].present)
        let n = random.integer(in: 2...9)
        writer[.n] = Words.number(n)
        writer[.m] = Words.number(n + 1)
        writer[.k] = Words.number(n + 2)
    }
}
