extension TalePlots {
    /// Tales about friends.
    static let sharing: [TaleEpisode.Plot] = [
        TaleEpisode.Plot(
            request:
                "[Tell me a story about sharing.|Tell me a story about {A} and some {fruits}.]",
            [
                "{A} had {n} {fruits} in {a col} basket. {he} wanted to eat them all {himself}.",
                """
                [On the way home|At the {place}] {he} met {B}, who was [very hungry|tired \
                and hungry]. "[Please, may I have one?|Could you give me one?]" asked {B}. \
                "[No, they are all mine|No, I have only {n}]," said {A}, and [walked \
                on|turned away].
                """,
                """
                [Then|A little later] {he} met {C}. "[Those look good|What nice {fruits}]," \
                said {C}. But {A} [hid the basket|held the basket tight] and gave {C} \
                nothing.
                """,
                """
                At home, {A} sat alone with {his} {n} {fruits}. [They did not taste \
                good.|Somehow {he} was not hungry any more.] "[It is no fun to eat \
                alone|What good are {fruits} without friends]," {he} thought.
                """,
                """
                So {A} ran back and called {B} and {C}. They sat down {at2}, and {A} \
                [shared everything|gave each of them a part]. The next day, {B} brought {A} \
                some {food}.
                """,
            ],
            endings: [
                "{A} had never tasted such good {fruits}.",
                "And that was the best part of all.",
            ],
            questions: [
                (
                    "How many {fruits} did {A} have?",
                    "{A} had {n} {fruits}.",
                    [
                        "{A} had {m} {fruits}.",
                        "{A} had {k} {fruits}.",
                    ]
                ),
                (
                    "Whom did {A} meet first?",
                    "{A} met {B} first.",
                    [
                        "{A} met {C} first."
                    ]
                ),
                (
                    "What did {B} bring the next day?",
                    "{B} brought some {food}.",
                    [
                        "{B} brought some {food2}."
                    ]
                ),
                (
                    "Where did they share?",
                    "They shared {at2}.",
                    [
                        "They shared {at3}."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a birthday.|Tell me a story about a present.]",
            [
                """
                It was {B}'s birthday on {day}, and {A} had no present. {he} [had only {n} \
                coins|counted {his} money and had {n} coins].
                """,
                """
                {A} went to the shop. There was {a col} {o} that {B} [had always \
                wanted|liked very much], but it cost {m} coins. "[I need one more coin|One \
                coin is missing]," said {A} [sadly|to {himself}].
                """,
                """
                On the way {he} saw {a job} who was carrying [a heavy bag|many boxes|wood]. \
                "[Let me help you|May I carry that?]" said {A}. They went to the {place} \
                together, and the {job} gave {him} one coin.
                """,
                """
                {A} ran back to the shop [as fast as {he} could|before it closed] and \
                bought the {o}. {he} put it in a box with {a col2} ribbon.
                """,
                """
                "[This is the best present of all|How did you know?]" [cried|said] {B} when \
                {heB} [opened the box|saw it].
                """,
            ],
            endings: [
                "They ate cake and [danced|sang|played games] until late.",
                "And {A} was even happier than {B}.",
            ],
            questions: [
                (
                    "How much did the {o} cost?",
                    "It cost {m} coins.",
                    [
                        "It cost {n} coins.",
                        "It cost {k} coins.",
                    ]
                ),
                (
                    "What did {A} buy?",
                    "{A} bought the {o}.",
                    [
                        "{A} bought the {o2}."
                    ]
                ),
                (
                    "Who gave {A} a coin?",
                    "The {job} gave {him} a coin.",
                    [
                        "{A}'s {family} gave {him} a coin."
                    ]
                ),
                (
                    "What colour was the ribbon?",
                    "The ribbon was {col2}.",
                    [
                        "The ribbon was {col}."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                """
                [Tell me a story about a new friend.|Tell me a story about the first day at \
                school.]
                """,
            [
                """
                It was {A}'s first day at a new school. {he} did not know anyone and felt \
                [shy|lonely|nervous].
                """,
                """
                [At noon|In the break], everyone [played|ran around], but {A} sat alone \
                {at} with {his} {food}. [Nobody spoke to {him}.|The others did not see \
                {him}.]
                """,
                """
                Then {a kindB} [came over|sat down beside {him}]. "[Hello|Hi], my name is \
                {B}," {heB} said. "[Why are you alone?|Do you want to play?]"
                """,
                """
                "I am {A}," said {A} quietly. "I like to {hobby}." "[So do I!|Me too!]" \
                said {B}. "[Let us do it together|Come, I will show you the {place2}]."
                """,
                """
                They [played|laughed|talked] all afternoon. {B} gave {A} {a col} {o} [to \
                keep|so that {he} would remember the day].
                """,
            ],
            endings: [
                """
                When {A} came home, {he} told {his} {family} everything. "[I have a \
                friend|School is wonderful]," {he} said.
                """,
                "The next day, {A} saw another child who was alone, and {he} knew what to do.",
            ],
            questions: [
                (
                    "What does {A} like to do?",
                    "{A} likes to {hobby}.",
                    [
                        "{A} likes to count money."
                    ]
                ),
                (
                    "What did {B} give {A}?",
                    "{B} gave {A} {a col} {o}.",
                    [
                        "{B} gave {A} {a col2} {o2}."
                    ]
                ),
                (
                    "Where did {A} sit alone?",
                    "{A} sat {at}.",
                    [
                        "{A} sat {at3}."
                    ]
                ),
                (
                    "How did {A} come to know {B}?",
                    "{B} came over and spoke to {A}.",
                    [
                        "{A} wrote {B} a letter."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about trading.|Tell me a story about {A}, who trades things.]",
            [
                """
                {A} had {a col} {o}, but {he} wanted {a o2}. So {he} went to the {place} \
                [to trade|early in the morning].
                """,
                """
                First {he} met {B}. "[I will give you {n} {fruits} for your {o}|You can \
                have my {n} {fruits} if I get the {o}]," said {B}. {A} agreed and gave {B} \
                the {o}.
                """,
                """
                Then {he} met {C}, who [was hungry|loved {fruits}]. "[I have a jug of \
                {food}|Here is some {food}]," said {C}. "[Will you trade it for the \
                {fruits}?|Give me the {fruits} for it.]" {A} [nodded|said yes].
                """,
                """
                [At last|In the evening] {he} came to {a job} [with a cart|on a bench]. "[I \
                am so thirsty and tired|I have had nothing all day]," said the {job}. {A} \
                gave away the {food}, and the {job}[ thanked {him} and|] gave {him} {a o2}.
                """,
            ],
            endings: [
                "\"[Now I have what I wanted|What a day]!\" said {A} and went home with the {o2}.",
                """
                {A} [laughed|smiled]. One thing had become another, and in the end everyone \
                was happy.
                """,
            ],
            questions: [
                (
                    "What did {A} have at the end?",
                    "{A} had the {o2}.",
                    [
                        "{A} had the {o}.",
                        "{A} had the {fruits}.",
                    ]
                ),
                (
                    "Who has the {o} now?",
                    "{B} has the {o} now.",
                    [
                        "{C} has the {o} now."
                    ]
                ),
                (
                    "Who got the {fruits} in the end?",
                    "{C} got the {fruits}.",
                    [
                        "{B} got the {fruits}."
                    ]
                ),
                (
                    "Who got the {food}?",
                    "The {job} got the {food}.",
                    [
                        "{B} got the {food}."
                    ]
                ),
            ]),
    ]
}
