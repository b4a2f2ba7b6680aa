extension TalePlots {
    /// Tales about learning and patience.
    static let learning: [TaleEpisode.Plot] = [
        TaleEpisode.Plot(
            request:
                """
                [Tell me a story about learning something.|Tell me a story about {A}, who \
                wants to {skill}.]
                """,
            [
                """
                {A} wanted to learn to {skill}. [All of {his} friends could {skill}|{B} \
                could already {skill}], but {A} could not.
                """,
                """
                [{he} tried once, but {he} fell.|The first time, it did not go well.] [{he} \
                tried again, but it was too hard.|The second time was no better.] "I will \
                never learn to {skill}," {he} said [sadly|quietly|with tears in {his} eyes].
                """,
                """
                [{B} sat down next to {him}.|{B} shook {hisB} head.] "[I could not do it at \
                first either|It took me {n} weeks|Everyone has to practise]," {heB} said. \
                "[Try a little every day.|Do not give up.|Let us practise together.]"
                """,
                """
                So every {day} {A} and {B} went to the {place} to practise. [{A} got better \
                and better.|Slowly, it became easier.]
                """,
                """
                [After {n} weeks|One {weather} morning], {A} {skillPast} [all by \
                {himself}|without any help|better than ever]! "[I did it!|Look at me!]" \
                {he} [shouted|cried|called].
                """,
            ],
            endings: [
                "{B} [clapped|cheered], and {A} was [very|so] proud.",
                "Now {A} teaches [{C}|{his} {family}] to {skill} too.",
            ],
            questions: [
                (
                    "What did {A} want to learn?",
                    "{A} wanted to learn to {skill}.",
                    [
                        "{A} wanted to learn to {skill2}."
                    ]
                ),
                (
                    "Where did they practise?",
                    "They practised {at}.",
                    [
                        "They practised {at2}."
                    ]
                ),
                (
                    "Who helped {A}?",
                    "{B} helped {A}.",
                    [
                        "{C} helped {A}.",
                        "{D} helped {A}.",
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a garden.|Tell me a story about planting something.]",
            [
                """
                In {season}, {A} got {n} seeds from {his} {family}. "[If you care for them, \
                they will grow|Give them water and light]," said {his} {family}.
                """,
                """
                {A} [dug {n} small holes|made a row of {n} holes] {at} and put one seed in \
                each. [{he} gave them water every day.|Every morning {he} brought water in \
                {a col} jug.]
                """,
                """
                For [days|a week|{m} days] nothing happened. "[Maybe the seeds are \
                asleep|They do not want to grow]," said {B}. "[We must wait|Be patient]," \
                said {A}.
                """,
                """
                [Then it rained and the sun came out.|Then the weather became warm.] One \
                morning there were {n} [little|tiny] green leaves!
                """,
                """
                [{A} jumped with joy.|{A} ran to tell {B}.] By the end of summer, the \
                plants were [as tall as {A}|taller than {A}|full of {fruits}].
                """,
            ],
            endings: [
                "{A} and {B} [picked|shared] the {fruits} and [made a big pie|ate them together].",
                "\"[Good things take time|It was worth the wait],\" said {A}.",
            ],
            questions: [
                (
                    "How many seeds did {A} get?",
                    "{A} got {n} seeds.",
                    [
                        "{A} got {m} seeds.",
                        "{A} got {k} seeds.",
                    ]
                ),
                (
                    "Where did {A} plant the seeds?",
                    "{A} planted the seeds {at}.",
                    [
                        "{A} planted the seeds {at2}."
                    ]
                ),
                (
                    "Who gave {A} the seeds?",
                    "{A}'s {family} gave {him} the seeds.",
                    [
                        "The {job} gave {him} the seeds."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a race.|Tell me a story about {A} and {B}.]",
            [
                """
                There was going to be a race from the {place} to the {place2}. {A} and {B} \
                both wanted to [win|run in it].
                """,
                """
                "[I am the fastest of all|Nobody can beat me]," said {B}. {A} said nothing, \
                but {he} [practised every morning|got up early and ran {n} times around the \
                {place}].
                """,
                """
                On {day} [everybody came to watch|many people came]. "[Ready, steady, \
                go|One, two, three, go]!" called the {job}. {B} ran [very fast|like the \
                wind] and was soon far ahead.
                """,
                """
                [Halfway|Near the {place3}], {B} saw some {fruits} and [stopped to eat|sat \
                down to rest]. "[I have plenty of time|{A} is so slow]," {heB} thought, and \
                fell asleep.
                """,
                """
                But {A} [ran on and on|did not stop]. {he} passed {B} and [kept \
                going|looked straight ahead]. When {B} woke up, it was too late: {A} had \
                won the race!
                """,
            ],
            endings: [
                """
                {A} got {a col} {o} as a prize, and {B} [shook {his} hand|said sorry for \
                being so proud].
                """,
                """
                "[Slow and steady wins the race|You should never rest too early]," said the \
                {job}.
                """,
            ],
            questions: [
                (
                    "Who won the race?",
                    "{A} won the race.",
                    [
                        "{B} won the race."
                    ]
                ),
                (
                    "Where did the race end?",
                    "The race ended at the {place2}.",
                    [
                        "The race ended at the {place3}."
                    ]
                ),
                (
                    "Why did {B} stop?",
                    "{B} stopped because of some {fruits}.",
                    [
                        "{B} stopped because of some {fruits2}."
                    ]
                ),
                (
                    "On which day was the race?",
                    "The race was on {day}.",
                    [
                        "The race was on a holiday."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about baking.|Tell me a story about a cook.]",
            [
                """
                {A} wanted to bake a cake for {his} {family}. {he} took [flour, sugar and \
                {n} eggs|{n} eggs, milk and flour] and mixed them in {a col} bowl.
                """,
                """
                [But {he} did not read the recipe.|{he} did not want any help.] {he} put \
                salt in the bowl instead of sugar. [The cake looked good|It smelled good], \
                but when {B} tasted it, {heB} [made a face|coughed]. "[It is too salty|Did \
                you use salt]?" {heB} asked.
                """,
                """
                [{A} wanted to cry.|{A} threw the cake away.] "[Let us do it again|We can \
                make a new one]," said {B}. "[You read and I mix.|This time we read every \
                line.]"
                """,
                """
                So {A} read the recipe aloud, and {B} [mixed|stirred]. They added {fruits} \
                [on top|for the middle] and put it in the oven for [an hour|half an hour].
                """,
                """
                [When the cake was ready, it was golden and soft.|This time it was \
                perfect.] {his} {family} ate {m} pieces!
                """,
            ],
            endings: [
                "\"[Mistakes help us learn|Now I always read first],\" said {A}.",
                """
                They [washed up|cleaned the kitchen] together and [sang a song|laughed \
                about the salt].
                """,
            ],
            questions: [
                (
                    "What did {A} use instead of sugar?",
                    "{A} used salt.",
                    [
                        "{A} used flour."
                    ]
                ),
                (
                    "What did they add?",
                    "They added {fruits}.",
                    [
                        "They added {fruits2}."
                    ]
                ),
                (
                    "How many eggs did {A} take?",
                    "{A} took {n} eggs.",
                    [
                        "{A} took {m} eggs.",
                        "{A} took {k} eggs.",
                    ]
                ),
                (
                    "What colour was the bowl?",
                    "The bowl was {col}.",
                    [
                        "The bowl was {col2}."
                    ]
                ),
            ]),
    ]
}
