import Foundation

/// Reads a story about people and things from its text alone, and answers questions about it.
///
/// Written apart from the generator: it knows verbs and word order, not the story's state.
struct ToldWorld {
    private(set) var placeOf: [String: String] = [:]
    private(set) var placeBefore: [String: String] = [:]
    private(set) var holderOf: [String: String] = [:]
    private(set) var lyingAt: [String: String] = [:]
    private(set) var colorOf: [String: String] = [:]
    private(set) var giverOf: [String: String] = [:]
    private(set) var people: [String] = []
    /// Sentences that were not understood.
    private(set) var unread: [String] = []
    private var subject = ""

    private static let moves: Set = [
        "went", "goes", "go", "walked", "walks", "walk", "ran", "runs", "run", "hurried",
        "hurries", "moved", "moves", "came", "comes",
    ]
    private static let takes: Set = [
        "took", "takes", "found", "finds", "got", "gets", "picked", "picks",
    ]
    private static let drops: Set = ["dropped", "drops", "left", "leaves", "put", "puts"]
    private static let gives: Set = ["gave", "gives", "handed", "hands", "passed", "passes"]

    init(_ story: String) {
        for sentence in story.split(whereSeparator: { $0 == "." || $0 == "\n" }) {
            let words = sentence.split(separator: " ").map {
                String($0).trimmingCharacters(in: .punctuationCharacters)
            }
            if !words.isEmpty, !read(words) { unread.append(String(sentence)) }
        }
    }

    private mutating func read(_ words: [String]) -> Bool {
        if let at = words.firstIndex(where: { $0 == "was" || $0 == "is" }) {
            return readState(words, at)
        }
        var words = words
        if words[0] == "Then" { words.removeFirst() }
        if words.count > 2, words[0] == "After", words[1] == "that" { words.removeFirst(2) }
        guard words.count > 2 else { return false }
        if words[1] == "and", words.last == "together" {
            let place = words[words.count - 2]
            move(words[0], place)
            move(words[2], place)
            return Self.moves.contains(words[3])
        }
        let name = ["he", "she"].contains(words[0].lowercased()) ? subject : words[0]
        guard people.contains(name) else { return false }
        subject = name
        let verb = words[1]
        if Self.moves.contains(verb) {
            guard words.count == 5, words[2] == "to", words[3] == "the" else { return false }
            move(name, words[4])
        } else if Self.takes.contains(verb) {
            guard let thing = words.last, lyingAt[thing] == placeOf[name] else { return false }
            lyingAt[thing] = nil
            holderOf[thing] = name
            giverOf[thing] = nil
        } else if Self.gives.contains(verb) {
            guard let the = words.firstIndex(of: "the") else { return false }
            let thing = words[the + 1]
            let receiver = the == 2 ? words[words.count - 1] : words[2]
            guard holderOf[thing] == name, placeOf[name] == placeOf[receiver] else { return false }
            holderOf[thing] = receiver
            giverOf[thing] = name
        } else if Self.drops.contains(verb) {
            guard let the = words.firstIndex(of: "the") else { return false }
            let thing = words[the + 1]
            guard holderOf[thing] == name else { return false }
            if let place = words.last, place != "there", place != placeOf[name] { return false }
            holderOf[thing] = nil
            lyingAt[thing] = placeOf[name]
            giverOf[thing] = nil
        } else {
            return false
        }
        return true
    }

    private mutating func readState(_ words: [String], _ verb: Int) -> Bool {
        guard let place = words.last else { return false }
        switch words[0] {
        case "There":
            guard words.count > 4 else { return false }
            colorOf[words[4]] = words[3]
            lyingAt[words[4]] = place
        case "A", "An":
            colorOf[words[2]] = words[1]
            lyingAt[words[2]] = place
        default:
            guard verb == 1 else { return false }
            people.append(words[0])
            placeOf[words[0]] = place
        }
        return true
    }

    private mutating func move(_ name: String, _ place: String) {
        placeBefore[name] = placeOf[name]
        placeOf[name] = place
    }

    /// The words that the answer to a question must have, or nil for a question it cannot read.
    func answer(_ question: String) -> [String]? {
        let words = question.dropLast().split(separator: " ").map(String.init)
        let last = words[words.count - 1]
        switch words[0] {
        case "Where" where words[1] == "is" && words.count == 3: return placeOf[last].map { [$0] }
        case "Where" where words[1] == "is":
            return (holderOf[last].flatMap { placeOf[$0] } ?? lyingAt[last]).map { [$0] }
        case "Where": return placeBefore[words[2]].map { [words[2], "was", $0] }
        case "Is":
            guard let place = placeOf[words[1]] else { return nil }
            return [place == last ? "Yes" : "No", words[1], place]
        case "Who" where words[1] == "has": return [holderOf[last] ?? "Nobody"]
        case "Who": return giverOf[words[3]].map { [$0, "gave", last] }
        case "What" where words[1] == "colour": return colorOf[last].map { [$0] }
        case "What":
            let held = holderOf.filter { $0.value == words[2] }.keys.sorted()
            return held.isEmpty ? ["nothing"] : held
        case "How":
            let count = holderOf.filter { $0.value == words[4] }.count
            return [["no", "one", "two", "three"][count]]
        default: return nil
        }
    }
}
