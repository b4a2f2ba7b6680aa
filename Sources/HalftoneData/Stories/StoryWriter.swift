import HalftoneTensor

/// Writes sentences: fills phrases, starts sentences with capitals and sets spaces.
struct StoryWriter {
    /// The text so far, UTF-8.
    private(set) var bytes: [UInt8] = []

    private var values = StorySlot.allCases.map { "\($0)" }

    /// The value of a slot; an unset one reads as its name, which a test would find.
    subscript(slot: StorySlot) -> String {
        get { values[slot.rawValue] }
        set { values[slot.rawValue] = newValue }
    }

    /// The text so far.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Writes a phrase as a sentence or more, after a space.
    mutating func say(_ phrase: Phrase, _ random: inout SeededGenerator) {
        space()
        write(phrase.pieces, &random)
    }

    /// Writes a text as a sentence, after a space.
    mutating func say(_ text: String) {
        space()
        append(text)
    }

    /// Starts a new line unless one has started.
    mutating func breakLine() {
        if let last = bytes.last, last != 0x0A { bytes.append(0x0A) }
    }

    /// Takes the text and leaves none.
    mutating func take() -> String {
        defer { bytes.removeAll(keepingCapacity: true) }
        return text
    }

    private mutating func space() {
        if let last = bytes.last, last != 0x0A { bytes.append(0x20) }
    }

    private mutating func write(_ pieces: [Phrase.Piece], _ random: inout SeededGenerator) {
        for piece in pieces {
            switch piece {
            case .text(let text): append(text)
            case .slot(let slot): append(self[slot])
            case .article(let slot):
                let value = self[slot]
                append(Words.article(for: value))
                bytes.append(0x20)
                append(value)
            case .choice(let choices): write(choices[random.below(choices.count)], &random)
            }
        }
    }

    private mutating func append(_ text: String) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        capitalize(at: start)
    }

    private mutating func append(_ text: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        capitalize(at: start)
    }

    /// Makes a letter that opens a sentence a capital.
    private mutating func capitalize(at start: Int) {
        guard start < bytes.count, bytes[start] >= 0x61, bytes[start] <= 0x7A else { return }
        if start > 0, bytes[start - 1] != 0x0A {
            guard start > 1, bytes[start - 1] == 0x20 else { return }
            switch bytes[start - 2] {
            case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"): break
            default: return
            }
        }
        bytes[start] -= 0x20
    }
}
