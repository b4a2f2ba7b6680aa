/// The words that texts are made of.
enum Words {
    static func list(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    /// "a" or "an".
    static func article(for word: String) -> String {
        switch word.utf8.first {
        case UInt8(ascii: "a"), UInt8(ascii: "e"), UInt8(ascii: "i"), UInt8(ascii: "o"): "an"
        case UInt8(ascii: "h") where word.hasPrefix("honest"): "an"
        case UInt8(ascii: "u") where !word.hasPrefix("uni") && !word.hasPrefix("use"): "an"
        default: "a"
        }
    }

    /// "a, b and c"; an empty list is "nothing".
    static func joined(_ items: [String]) -> String {
        guard let last = items.last else { return "nothing" }
        if items.count == 1 { return last }
        return items.dropLast().joined(separator: ", ") + " and " + last
    }

    /// Zero to ninety-nine in words.
    static func number(_ value: Int) -> String {
        if value < 20 { return small[value] }
        let ten = tens[value / 10]
        return value % 10 == 0 ? ten : ten + "-" + small[value % 10]
    }

    static let small = list(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen \
        fifteen sixteen seventeen eighteen nineteen
        """)
    private static let tens = list(
        "ten ten twenty thirty forty fifty sixty seventy eighty ninety")

    static let boys = list(
        """
        Tom Ben Sam Max Leo Jack Tim Dan Finn Noah Liam Owen Luke Adam Paul Mark Eric Hugo Oscar \
        Felix Peter Simon David James Henry Oliver Theo Jonas Kai Omar Amir Ravi Hiro Pablo Diego \
        Ivan Erik Anton Bruno Carl Fred George Harry Joe Kevin Martin Nico Otto Rob Victor
        """)
    static let girls = list(
        """
        Mia Anna Lily Sue Lucy Emma Ella Zoe Kate Jane Rosa Nina Maya Eva Ruby Amy Clara Alice Sara \
        Julia Laura Molly Daisy Grace Hannah Ivy Jenny Lena Maria Nora Olga Paula Rita Sofia Tina \
        Vera Wendy Yara Aisha Priya Yuki Carmen Elena Fatima Greta Heidi Ines Judy Kim Lisa
        """)

    /// Colours of things.
    static let colors = list(
        "red blue green yellow white black brown orange purple pink grey golden silver")

    /// Things that can be carried.
    static let things = list(
        """
        ball key book cup hat lamp bell box coin doll drum kite map pen ring rope shell spoon stone \
        toy bag basket blanket bottle bowl brush bucket button candle card chain clock coat comb \
        cushion dish fan feather flag flute fork glove hammer horn jar jug knife ladder letter mask \
        mirror mug needle net notebook paintbrush pan pencil pillow plate pot puzzle ribbon ruler \
        scarf shirt shoe shovel sock sponge stick string sword teapot ticket torch towel trumpet \
        umbrella vase violin wallet watch whistle wheel balloon camera crown guitar helmet jacket \
        marble necklace parcel robot sandwich saw stamp
        """)

    /// Fruits and sweets that are counted: one, many.
    static let countable: [(one: String, many: String)] = [
        ("apple", "apples"), ("pear", "pears"), ("plum", "plums"), ("cherry", "cherries"),
        ("peach", "peaches"), ("orange", "oranges"), ("lemon", "lemons"), ("nut", "nuts"),
        ("egg", "eggs"), ("cookie", "cookies"), ("cake", "cakes"), ("carrot", "carrots"),
        ("flower", "flowers"), ("leaf", "leaves"), ("stone", "stones"), ("shell", "shells"),
        ("coin", "coins"), ("marble", "marbles"), ("sticker", "stickers"), ("card", "cards"),
        ("book", "books"), ("pencil", "pencils"), ("balloon", "balloons"), ("button", "buttons"),
        ("stamp", "stamps"), ("berry", "berries"), ("banana", "bananas"), ("grape", "grapes"),
        ("potato", "potatoes"), ("tomato", "tomatoes"), ("mushroom", "mushrooms"),
        ("feather", "feathers"), ("candle", "candles"), ("fish", "fish"), ("toy", "toys"),
        ("bean", "beans"), ("rose", "roses"), ("bell", "bells"), ("star", "stars"),
    ]

    /// Food and drink without a number.
    static let foods = list(
        "bread soup cheese honey milk rice pie pasta jam porridge tea juice butter salad cake")

    static let families = list(
        "mother father sister brother grandmother grandfather aunt uncle cousin")
    static let jobs = list(
        """
        baker farmer teacher doctor nurse driver sailor painter cook gardener singer pilot tailor \
        librarian fisherman shepherd carpenter postman clown king queen judge miller blacksmith
        """)
    static let days = list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
    static let months = list(
        """
        January February March April May June July August September October November December
        """)
    static let seasons = list("spring summer autumn winter")
    static let weather = list("sunny rainy windy cloudy snowy foggy warm cold bright stormy")
    static let traits = list(
        """
        kind brave clever shy cheerful curious gentle honest patient friendly careful quiet funny \
        lively polite proud lazy busy hungry sleepy helpful
        """)
    static let moods = list(
        "happy sad tired angry afraid proud lonely bored excited worried surprised nervous calm")

    /// Kinds of heroes that are animals.
    static let heroAnimals = list(
        """
        rabbit fox bear mouse frog duck hedgehog squirrel cat dog owl turtle lamb pony goat monkey \
        elephant kitten puppy penguin beaver
        """)

    /// A place and how one is there.
    struct Place: Sendable {
        let name: String
        let preposition: String
        var phrase: String { preposition + " the " + name }
    }

    static let places: [Place] =
        list(
            """
            kitchen garden bedroom bathroom attic cellar garage hall office library school shop \
            forest barn cave castle tower classroom hospital museum church theatre hotel tent \
            village cabin stable tunnel bakery workshop meadow valley orchard greenhouse
            """
        ).map { Place(name: $0, preposition: "in") }
        + list(
            """
            park station market harbour playground zoo farm lake river airport restaurant bridge \
            pond stadium fountain
            """
        ).map { Place(name: $0, preposition: "at") }
        + list("beach hill roof balcony island mountain terrace boat train stage").map {
            Place(name: $0, preposition: "on")
        }
}
