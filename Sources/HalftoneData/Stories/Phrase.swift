/// A piece of text with choices and slots, compiled once from one line.
///
/// `[a|b|c]` is one of several texts, which may nest; `{name}` is the value of a slot and
/// `{a name}` the value after "a" or "an".
struct Phrase: Sendable {
    /// What a phrase is made of.
    indirect enum Piece: Sendable {
        case text([UInt8])
        case slot(StorySlot)
        case article(StorySlot)
        case choice([[Piece]])
    }

    /// The pieces in order.
    let pieces: [Piece]

    /// Compiles a line; an unknown slot or an open bracket is a mistake of the caller.
    init(_ line: String) {
        let bytes = Array(line.utf8)
        var index = 0
        pieces = Self.sequence(bytes, &index, isNested: false)
        precondition(index == bytes.count, "a bracket is never opened in: \(line)")
    }

    private static func sequence(
        _ bytes: [UInt8], _ index: inout Int, isNested: Bool
    ) -> [Piece] {
        var pieces: [Piece] = []
        var text: [UInt8] = []
        func flush() {
            if !text.isEmpty { pieces.append(.text(text)) }
            text = []
        }
        while index < bytes.count {
            let byte = bytes[index]
            if isNested, byte == UInt8(ascii: "|") || byte == UInt8(ascii: "]") { break }
            index += 1
            switch byte {
            case UInt8(ascii: "["):
                flush()
                var choices: [[Piece]] = []
                repeat {
                    choices.append(sequence(bytes, &index, isNested: true))
                    precondition(index < bytes.count, "an open bracket")
                    index += 1
                } while bytes[index - 1] == UInt8(ascii: "|")
                pieces.append(.choice(choices))
            case UInt8(ascii: "{"):
                flush()
                let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) ?? bytes.count
                precondition(end < bytes.count, "an open brace")
                let name = String(decoding: bytes[index..<end], as: UTF8.self)
                index = end + 1
                pieces.append(Self.slot(name))
            case UInt8(ascii: "]"): preconditionFailure("a bracket is never opened")
            default: text.append(byte)
            }
        }
        flush()
        return pieces
    }

    private static func slot(_ name: String) -> Piece {
        if name.hasPrefix("a "), let slot = StorySlot.named[String(name.dropFirst(2))] {
            return .article(slot)
        }
        guard let slot = StorySlot.named[name] else {
            preconditionFailure("there is no slot \(name)")
        }
        return .slot(slot)
    }
}

/// What phrases leave open.
enum StorySlot: Int, CaseIterable, Sendable {
    // The hero and the pronouns for the hero, the friend and the same.
    case A, he, him, his, himself, kindA
    case B, heB, himB, hisB, kindB
    // A third person, and one who is not in the story.
    case C, D
    // A thing, its colour, another thing and another colour.
    case o, col, o2, col2
    // Places with their prepositions: "in the garden"; bare: "garden".
    case at, at2, at3, place, place2, place3
    // Animals, food, people around.
    case animal, animal2, food, food2, fruits, fruits2, family, job
    // Words of mood, weather and time.
    case trait, mood, weather, day, season, hobby, skill, skillPast, skill2
    // Numbers as words.
    case n, m, k
    // Free use.
    case x, y, z
}

extension StorySlot {
    /// The slots by their names.
    static let named = Dictionary(uniqueKeysWithValues: allCases.map { ("\($0)", $0) })
}
