extension TalePlots {
    /// Tales about looking for something.
    static let search: [TaleEpisode.Plot] = [
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a lost {o}.|Tell a story about {A} and the {o}.]",
            [
                """
                One day, {A} wanted to play with {his} {col} {o}, but it was [gone|not \
                there|lost].
                """,
                """
                [{he} looked under the bed and behind the door.|{he} looked in every box \
                and on every shelf.|{he} searched the whole house.] [But the {o} was not \
                there.|But {he} could not find it.]
                """,
                """
                {A} was [very sad|so sad that {he} cried|worried]. [{B} heard {him} and \
                came to help.|Then {his} friend {B} came by.] "[Do not worry|Do not cry|Do \
                not be sad]," said {B}. "[We will find it together.|I will help you \
                look.|Where did you have it last?]"
                """,
                """
                [They went to the {place} first.|First, they looked {at}.] [There they saw \
                {a animal}, but no {o}.|They found only {a col2} {o2} there.]
                """,
                """
                Then {A} remembered. "[I was {at2} yesterday!|Yesterday I played {at2}!]" \
                {he} said.
                """,
                """
                So they [ran|hurried|walked] to the {place2}. And there, [under a \
                bench|behind a big stone|next to a tree|in the grass|in a corner], was the \
                {col} {o}!
                """,
            ],
            endings: [
                """
                "Thank you, {B}!" said {A}. "[You are a good friend.|Without you I would \
                still be looking.]"
                """,
                "{A} [hugged|thanked] {B}, and they [played|laughed] until the sun went down.",
            ],
            questions: [
                (
                    "Where was the {o}?",
                    "The {o} was {at2}.",
                    [
                        "The {o} was {at}.",
                        "The {o} was {at3}.",
                    ]
                ),
                (
                    "What did {A} lose?",
                    "{A} lost the {o}.",
                    [
                        "{A} lost the {o2}.",
                        "{A} lost the {animal2}.",
                    ]
                ),
                (
                    "Who helped {A}?",
                    "{B} helped {A}.",
                    [
                        "{D} helped {A}."
                    ]
                ),
                (
                    "What colour was the {o}?",
                    "The {o} was {col}.",
                    [
                        "The {o} was {col2}."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a map.|Tell me about {A} and the treasure.]",
            [
                """
                {A} found an old map [in the attic|under the stairs|inside a book]. [There \
                was a red cross on it.|It showed a path and a red cross.]
                """,
                """
                "[This must be a treasure map|Look, a treasure map]!" [said|cried|shouted] \
                {A}. {he} showed it to {his} friend {B}, and they [packed some {food}|took \
                a lamp and some {food}] and [set off|left at once].
                """,
                """
                [First|At first] they [walked|went] {n} steps to the {place}. Then they \
                [turned left|turned right|went on] and [crossed a bridge|climbed over a \
                wall|followed the river].
                """,
                """
                On the way they met {a job}. "[Where are you going?|What are you looking \
                for?]" asked the {job}. "[We are looking for a treasure|For the treasure]," \
                said {B}. The {job} [laughed|smiled] and [wished them luck|showed them the \
                way].
                """,
                """
                At last they came to the {place2}. They [dug and dug|dug a deep hole|looked \
                under every stone] until they found {a col} {o}.
                """,
                """
                [It was not made of gold|It was not worth much money], but {A} was \
                [happy|proud] all the same.
                """,
            ],
            endings: [
                """
                "The best treasure is [a day with a friend|having a friend like you]," said \
                {B}.
                """,
                "They took the {o} home and put it [on a shelf|on the table|by the window].",
            ],
            questions: [
                (
                    "What did they find?",
                    "They found {a col} {o}.",
                    [
                        "They found {a col2} {o}.",
                        "They found {a col} {o2}.",
                    ]
                ),
                (
                    "Whom did they meet?",
                    "They met {a job}.",
                    [
                        "They met {a animal}."
                    ]
                ),
                (
                    "Where did they dig?",
                    "They dug {at2}.",
                    [
                        "They dug {at3}."
                    ]
                ),
                (
                    "What did they take to eat?",
                    "They took some {food}.",
                    [
                        "They took some {food2}."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                """
                [Tell me a story about someone who gets lost.|Tell me a story about the \
                {place}.]
                """,
            [
                """
                {A} went for a walk near the {place}. {he} [followed a butterfly|looked at \
                the flowers|counted the trees|chased {a animal}] and did not see where {he} \
                was going.
                """,
                """
                [After a while|Soon], {A} did not know the way back. It was getting \
                [dark|late|cold], and {he} felt [afraid|lonely|worried].
                """,
                """
                [Then {he} heard a voice.|Suddenly, someone spoke.] "[Are you lost?|Why are \
                you crying?]" asked {a animal}. "[Yes, I cannot find my house|I do not know \
                the way home]," said {A}.
                """,
                """
                "[Come with me|Follow me|I know these paths well]," said the {animal}. They \
                [walked|went] past the {place2} and over a [little|long|wooden] bridge.
                """,
                """
                [After {n} minutes|When the moon came up], {A} could see the lights of \
                {his} house. {his} {family} [stood at the door|was waiting outside] and was \
                [very happy|so happy to see {him}].
                """,
            ],
            endings: [
                "{A} gave the {animal} some {food} [to say thank you|as a present].",
                "\"[Next time I will look where I go|I will be more careful],\" said {A}.",
            ],
            questions: [
                (
                    "Who showed {A} the way?",
                    "The {animal} showed {A} the way.",
                    [
                        "The {animal2} showed {A} the way."
                    ]
                ),
                (
                    "Who waited for {A}?",
                    "{A}'s {family} waited.",
                    [
                        "The {job} waited."
                    ]
                ),
                (
                    "Where did {A} get lost?",
                    "{A} got lost near the {place}.",
                    [
                        "{A} got lost near the {place3}."
                    ]
                ),
            ]),
    ]
}
