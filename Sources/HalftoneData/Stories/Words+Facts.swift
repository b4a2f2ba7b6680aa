/// What never changes in the world of the texts, so that it can be learnt by heart.
extension Words {
    /// An animal and what is known about it.
    struct Animal: Sendable {
        let name: String
        let kind: String
        let legs: Int
        let sound: String
        let baby: String
        let home: String
        let food: String
        let canFly: Bool
        let canSwim: Bool
    }

    private static func animal(
        _ name: String, _ kind: String, _ legs: Int, _ sound: String, _ baby: String,
        _ home: String, _ food: String, flies: Bool = false, swims: Bool = false
    ) -> Animal {
        Animal(
            name: name, kind: kind, legs: legs, sound: sound, baby: baby, home: home, food: food,
            canFly: flies, canSwim: swims)
    }

    static let animals: [Animal] = [
        animal("cat", "mammal", 4, "meows", "kitten", "house", "mice"),
        animal("dog", "mammal", 4, "barks", "puppy", "kennel", "meat", swims: true),
        animal("cow", "mammal", 4, "moos", "calf", "barn", "grass"),
        animal("sheep", "mammal", 4, "bleats", "lamb", "meadow", "grass"),
        animal("horse", "mammal", 4, "neighs", "foal", "stable", "hay"),
        animal("pig", "mammal", 4, "grunts", "piglet", "sty", "corn"),
        animal("goat", "mammal", 4, "bleats", "kid", "hillside", "leaves"),
        animal("lion", "mammal", 4, "roars", "cub", "den", "meat"),
        animal("wolf", "mammal", 4, "howls", "pup", "den", "meat"),
        animal("bear", "mammal", 4, "growls", "cub", "cave", "honey", swims: true),
        animal("mouse", "mammal", 4, "squeaks", "pup", "hole", "cheese"),
        animal("rabbit", "mammal", 4, "squeaks", "bunny", "burrow", "carrots"),
        animal("elephant", "mammal", 4, "trumpets", "calf", "savanna", "leaves", swims: true),
        animal("monkey", "mammal", 2, "chatters", "infant", "jungle", "bananas"),
        animal("whale", "mammal", 0, "sings", "calf", "ocean", "fish", swims: true),
        animal("bat", "mammal", 2, "squeaks", "pup", "cave", "moths", flies: true),
        animal("duck", "bird", 2, "quacks", "duckling", "pond", "seeds", flies: true, swims: true),
        animal("hen", "bird", 2, "clucks", "chick", "coop", "corn"),
        animal("owl", "bird", 2, "hoots", "owlet", "tree", "mice", flies: true),
        animal("crow", "bird", 2, "caws", "chick", "nest", "worms", flies: true),
        animal("goose", "bird", 2, "honks", "gosling", "lake", "grass", flies: true, swims: true),
        animal("eagle", "bird", 2, "screams", "eaglet", "cliff", "fish", flies: true),
        animal("penguin", "bird", 2, "brays", "chick", "ice", "fish", swims: true),
        animal("robin", "bird", 2, "chirps", "chick", "nest", "worms", flies: true),
        animal("bee", "insect", 6, "buzzes", "larva", "hive", "nectar", flies: true),
        animal("fly", "insect", 6, "buzzes", "maggot", "bin", "sugar", flies: true),
        animal("cricket", "insect", 6, "chirps", "nymph", "field", "grass"),
        animal("frog", "amphibian", 4, "croaks", "tadpole", "pond", "flies", swims: true),
        animal("snake", "reptile", 0, "hisses", "snakelet", "desert", "mice", swims: true),
        animal("turtle", "reptile", 4, "hisses", "hatchling", "shell", "lettuce", swims: true),
    ]

    static let opposites: [(String, String)] = [
        ("hot", "cold"), ("big", "small"), ("tall", "short"), ("fast", "slow"), ("old", "new"),
        ("happy", "sad"), ("light", "dark"), ("day", "night"), ("up", "down"), ("in", "out"),
        ("open", "closed"), ("full", "empty"), ("wet", "dry"), ("hard", "soft"), ("loud", "quiet"),
        ("early", "late"), ("rich", "poor"), ("strong", "weak"), ("clean", "dirty"),
        ("thick", "thin"), ("near", "far"), ("left", "right"), ("good", "bad"), ("first", "last"),
        ("always", "never"), ("love", "hate"), ("push", "pull"), ("win", "lose"),
        ("begin", "end"), ("give", "take"), ("sweet", "sour"), ("deep", "shallow"),
        ("wide", "narrow"), ("smooth", "rough"), ("true", "false"), ("above", "below"),
        ("before", "after"), ("friend", "enemy"), ("question", "answer"), ("buy", "sell"),
        ("awake", "asleep"), ("brave", "afraid"), ("kind", "cruel"), ("sharp", "blunt"),
    ]

    /// A present form, its past form and its form with "-ing".
    static let verbs: [(present: String, past: String, running: String)] = [
        ("go", "went", "going"), ("run", "ran", "running"), ("eat", "ate", "eating"),
        ("see", "saw", "seeing"), ("sing", "sang", "singing"), ("swim", "swam", "swimming"),
        ("write", "wrote", "writing"), ("read", "read", "reading"), ("buy", "bought", "buying"),
        ("bring", "brought", "bringing"), ("think", "thought", "thinking"),
        ("catch", "caught", "catching"), ("teach", "taught", "teaching"), ("fly", "flew", "flying"),
        ("draw", "drew", "drawing"), ("grow", "grew", "growing"), ("know", "knew", "knowing"),
        ("throw", "threw", "throwing"), ("give", "gave", "giving"), ("take", "took", "taking"),
        ("find", "found", "finding"), ("lose", "lost", "losing"), ("sleep", "slept", "sleeping"),
        ("keep", "kept", "keeping"), ("feel", "felt", "feeling"), ("leave", "left", "leaving"),
        ("build", "built", "building"), ("send", "sent", "sending"), ("hear", "heard", "hearing"),
        ("speak", "spoke", "speaking"), ("break", "broke", "breaking"),
        ("drive", "drove", "driving"), ("ride", "rode", "riding"), ("hide", "hid", "hiding"),
        ("sit", "sat", "sitting"), ("stand", "stood", "standing"), ("walk", "walked", "walking"),
        ("play", "played", "playing"), ("jump", "jumped", "jumping"),
        ("dance", "danced", "dancing"), ("laugh", "laughed", "laughing"),
        ("help", "helped", "helping"), ("climb", "climbed", "climbing"),
        ("paint", "painted", "painting"), ("cook", "cooked", "cooking"),
        ("open", "opened", "opening"), ("carry", "carried", "carrying"), ("cry", "cried", "crying"),
        ("wash", "washed", "washing"), ("smile", "smiled", "smiling"),
    ]

    /// Things and the class that they are in.
    static let classes: [(name: String, members: [String])] = [
        ("fruit", list("apple pear plum cherry peach banana grape lemon")),
        ("vegetable", list("carrot potato onion cabbage bean pea pepper")),
        ("tool", list("hammer saw shovel knife needle brush ladder")),
        ("colour", list("red blue green yellow white black purple")),
        ("animal", list("cat horse frog owl bee snake whale")),
        ("instrument", list("drum flute violin guitar trumpet piano")),
        ("garment", list("coat shirt scarf jacket sock glove")),
        ("vehicle", list("car bus train ship plane bicycle truck")),
        ("building", list("house castle church school hotel barn")),
        ("flower", list("rose tulip daisy lily poppy violet")),
        ("metal", list("iron gold silver copper tin lead")),
        ("planet", list("Mercury Venus Earth Mars Jupiter Saturn")),
        ("drink", list("water milk tea juice coffee lemonade")),
        ("shape", list("circle square triangle star cross ring")),
    ]

    /// What people at work do.
    static let work: [(job: String, does: String, place: String)] = [
        ("baker", "bakes bread", "bakery"), ("farmer", "grows corn", "farm"),
        ("teacher", "teaches children", "school"), ("doctor", "heals sick people", "hospital"),
        ("sailor", "sails a ship", "harbour"), ("painter", "paints pictures", "studio"),
        ("cook", "makes meals", "restaurant"), ("gardener", "plants flowers", "garden"),
        ("pilot", "flies a plane", "airport"), ("tailor", "sews clothes", "shop"),
        ("librarian", "lends books", "library"), ("shepherd", "keeps sheep", "meadow"),
        ("carpenter", "builds tables", "workshop"), ("actor", "plays roles", "theatre"),
        ("miner", "digs for coal", "mine"), ("judge", "decides cases", "court"),
        ("fisherman", "catches fish", "lake"), ("mechanic", "repairs cars", "garage"),
    ]

    /// Two colours of paint and what they make.
    static let mixtures: [(String, String, String)] = [
        ("red", "yellow", "orange"), ("blue", "yellow", "green"), ("red", "blue", "purple"),
        ("red", "white", "pink"), ("black", "white", "grey"),
    ]
}
