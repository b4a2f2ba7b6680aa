extension TalePlots {
    /// Tales about trouble and how it ends.
    static let trouble: [TaleEpisode.Plot] = [
        TaleEpisode.Plot(
            request:
                "[Tell me a story about telling the truth.|Tell me a story about a broken {o}.]",
            [
                """
                {A} was playing ball in the house [although {his} {family} had said no|even \
                though it was not allowed]. The ball [flew|jumped] through the air and hit \
                the {col} {o}. It [fell down and broke|broke into {n} pieces].
                """,
                """
                {A} was [afraid|frightened]. "[What should I do?|What will {his} {family} \
                say?]" {he} thought. [{he} hid the pieces under the bed.|{he} put the \
                pieces in a box and closed it.]
                """,
                """
                In the evening, {his} {family} asked, "[Where is the {o}?|Has anyone seen \
                the {o}?]" [{A} felt sick.|{A}'s face turned red.] "[Maybe {B} took it|I do \
                not know]," {he} said.
                """,
                """
                But {A} could not sleep that night. [{he} felt bad about the lie, for {B} \
                had done nothing wrong.|{he} thought about {B}, who had done nothing \
                wrong.] So {he} got up and told the truth.
                """,
                """
                "[Thank you for telling me|I am glad that you are honest]," said {his} \
                {family}. "[{a o} can be mended, but a lie hurts|Things break, but the \
                truth is important]."
                """,
            ],
            endings: [
                """
                Together they [glued|mended] the {o}, and {A} [felt much better|never lied \
                again].
                """,
                "The next day, {A} [said sorry to {B}|made {B} a cake].",
            ],
            questions: [
                (
                    "What did {A} break?",
                    "{A} broke the {o}.",
                    [
                        "{A} broke the {o2}."
                    ]
                ),
                (
                    "What colour was the {o}?",
                    "The {o} was {col}.",
                    [
                        "The {o} was {col2}."
                    ]
                ),
                (
                    "Who would have been blamed?",
                    "{B} would have been blamed.",
                    [
                        "{D} would have been blamed."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a storm.|Tell me a story about a dark night.]",
            [
                """
                One night there was a big storm. The wind [howled|blew hard], and the rain \
                [fell on the roof|beat against the window]. {A} [could not sleep|hid under \
                the blanket].
                """,
                """
                [Bang!|Knock, knock!] There was a [strange|loud] noise [at the \
                door|downstairs|from the {place}]. {A}'s heart [beat fast|jumped]. "[Is it \
                a ghost?|Who is there?]" {he} [whispered|asked].
                """,
                """
                {A} took {a col} lamp and went down [slowly|on tiptoe|step by step]. [{he} \
                opened the door a little.|{he} looked out of the window.] There sat a \
                [small|wet|cold] {animal}, shaking in the rain.
                """,
                """
                "[Oh, you poor thing|You must be cold]," said {A}. {he} [dried it with a \
                towel|wrapped it in a blanket] and gave it some {food}.
                """,
                """
                [The {animal} fell asleep by the fire.|Soon the {animal} was warm and dry.] \
                {A} was not afraid any more.
                """,
            ],
            endings: [
                """
                In the morning the storm was over, and the {animal} [stayed with {A}|went \
                home to its family].
                """,
                """
                "[Sometimes a noise is only a friend|There was no need to be afraid]," said \
                {A}.
                """,
            ],
            questions: [
                (
                    "What animal was at the door?",
                    "It was {a animal}.",
                    [
                        "It was {a animal2}."
                    ]
                ),
                (
                    "What did {A} give the animal?",
                    "{A} gave it some {food}.",
                    [
                        "{A} gave it some {food2}."
                    ]
                ),
                (
                    "What did {A} carry?",
                    "{A} carried {a col} lamp.",
                    [
                        "{A} carried {a col2} lamp."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about helping an animal.|Tell me a story about {a animal}.]",
            [
                """
                {A} and {B} were walking {at} when they heard a cry for help. {a animal} \
                was stuck [between two stones|in a net|under a fallen tree|in a deep hole].
                """,
                """
                "[We must help it|Let us pull it out]," said {A}. {he} pulled as hard as \
                {he} could, but the {animal} did not move. [Then {B} pulled too.|Then they \
                pulled together.] It was no use.
                """,
                """
                "[I have an idea|Wait here]," said {B}. {heB} ran to the {place2} and came \
                back with {a o}[ and a long rope| and a strong stick|].
                """,
                """
                With the {o} they [made the hole wider|moved the stone|cut the net|lifted \
                the tree], and the {animal} was free! It [jumped|danced|ran] around them \
                [with joy|three times].
                """,
                """
                [A few days later|The next {day}], {A} lost {his} {o2} in the deep grass. \
                The {animal} [found it|brought it back] and laid it at {his} feet.
                """,
            ],
            endings: [
                "\"[Those who help will be helped|One good turn deserves another],\" said {B}.",
                "{A}, {B} and the {animal} became [good|close] friends.",
            ],
            questions: [
                (
                    "What was stuck?",
                    "{a animal} was stuck.",
                    [
                        "{a animal2} was stuck."
                    ]
                ),
                (
                    "What did {B} bring?",
                    "{B} brought {a o}.",
                    [
                        "{B} brought {a o2}."
                    ]
                ),
                (
                    "What did the {animal} find?",
                    "The {animal} found the {o2}.",
                    [
                        "The {animal} found the {o}."
                    ]
                ),
                (
                    "Where did they find the {animal}?",
                    "They found it {at}.",
                    [
                        "They found it {at3}."
                    ]
                ),
            ]),
        TaleEpisode.Plot(
            request:
                "[Tell me a story about a clever {kindA}.|Tell me a story about a proud king.]",
            [
                """
                In those days there was a king who [thought he knew everything|was very \
                proud]. "Whoever asks me a question that I cannot answer," he said, "shall \
                have {a col} {o}[ and {n} bags of gold|]."
                """,
                """
                Many people came to the castle. {a job} asked how deep the sea is, and the \
                king said: "[As deep as a stone can fall|One stone deep]." {B} asked how \
                many stars there are, and the king said: "As many as the hairs of {a \
                animal}."
                """,
                """
                Then {A} came in. "[I have a question|My question is easy]," {he} said. \
                "What will I ask you [next|tomorrow]?" The king [thought and thought|walked \
                up and down]. [An hour passed|The sun went down]. At last he said, "[I do \
                not know|That I cannot know]."
                """,
                """
                [All the people laughed.|The queen smiled.] The king laughed too and gave \
                {A} the {o}.
                """,
            ],
            endings: [
                "\"[It is no shame not to know|Nobody knows everything],\" said {A}.",
                """
                From then on, the king was less proud, and {A} [often came to visit|became \
                his friend].
                """,
            ],
            questions: [
                (
                    "What did {A} get?",
                    "{A} got the {o}.",
                    [
                        "{A} got the {o2}."
                    ]
                ),
                (
                    "Who asked about the stars?",
                    "{B} asked about the stars.",
                    [
                        "{A} asked about the stars.",
                        "{D} asked about the stars.",
                    ]
                ),
                (
                    "Who could not answer?",
                    "The king could not answer.",
                    [
                        "{A} could not answer."
                    ]
                ),
            ]),
    ]
}
