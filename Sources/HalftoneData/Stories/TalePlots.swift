/// The plots of tales, and the phrases that they share.
///
/// In a phrase `{A}` is the hero, `{B}` a friend, `{C}` a third person and `{D}` someone who is not
/// in the story; see ``StorySlot``.
enum TalePlots {
    /// Every plot.
    static let all: [TaleEpisode.Plot] = search + learning + trouble + sharing

    static let openings = [
        """
        [Once upon a time|Long ago|Many years ago], there [was|lived] {a trait} {kindA} named \
        {A}.
        """,
        """
        [One {weather} day|One {season} morning|Last {day}], {a kindA} named {A} [woke up \
        early|was out for a walk|was sitting at home].
        """,
        "{A} was a [little|young|small|big] {kindA} who [loved|liked] to {hobby}.",
        """
        In a [small|quiet|far|busy|pretty] [village|town|land], there lived {a trait} \
        {kindA}. [{his} name was {A}.|Everyone called {him} {A}.]
        """,
        "This is the story of {A}, {a trait} {kindA}.",
        "There was once {a kindA}, and {his} name was {A}.",
    ].map { Phrase($0) }

    static let backgrounds = [
        "{he} lived with {his} {family} in a [little|big|{col2}] house near the {place3}.",
        "Every {day}, {he} liked to {hobby} with {his} {family}.",
        "{he} was [always|often|usually] {mood}, but {he} was never [cruel|rude|mean].",
        "[Most of all|More than anything], {he} loved {food2} and {fruits2}.",
        "It was {season}, and the days were [long|short|{weather}].",
        "{his} best friend was {a kindB} named {B}.",
        "{his} {family} worked as {a job} and was [very|quite] {trait}.",
    ].map { Phrase($0) }

    static let closings = [
        "And they[ all|] lived happily ever after.",
        "And that is the end of the story.",
        "From that day on, {A} and {B} were [best|good] friends.",
        "That night {A} slept[ very|] well.",
        "{A} never forgot that day.",
        "When {A} is old, {he} will still tell this story.",
    ].map { Phrase($0) }

    static let questions: [TaleEpisode.Question] = [
        question(
            "Who is the story about?", "The story is about {A}.",
            ["The story is about {D}.", "The story is about a king and a dragon."])
    ]

    private static func question(
        _ question: String, _ answer: String, _ wrong: [String]
    ) -> TaleEpisode.Question {
        TaleEpisode.Question(
            question: Phrase(question), answer: Phrase(answer), wrong: wrong.map { Phrase($0) })
    }

    static let hobbies = [
        "sing songs", "read books", "climb trees", "paint pictures", "play games", "dance",
        "tell jokes", "draw maps", "build towers", "collect stones", "look at the stars",
        "jump over puddles", "bake cakes", "ride a bicycle", "swim in the lake", "play the drum",
        "watch the birds", "run in the wind", "plant flowers", "count the clouds",
    ]

    /// Something to learn: its plain form and its past.
    static let skills = [
        (present: "swim", past: "swam"), (present: "dance", past: "danced"),
        (present: "skate", past: "skated"), (present: "sing", past: "sang"),
        (present: "read", past: "read"), (present: "whistle", past: "whistled"),
        (present: "juggle", past: "juggled"), (present: "cook", past: "cooked"),
        (present: "draw", past: "drew"), (present: "dive", past: "dived"),
        (present: "ski", past: "skied"), (present: "knit", past: "knitted"),
    ]
}
