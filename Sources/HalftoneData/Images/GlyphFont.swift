/// A font of lines for digits and capitals.
enum GlyphFont {
    /// The characters that there are, in the order of their classes: digits, then capitals.
    static let characters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

    /// The lines of a character in a box from −1 to 1, or nil for one that the font lacks.
    static func lines(of character: Character) -> [[SIMD2<Float>]]? { table[character] }

    private static let table: [Character: [[SIMD2<Float>]]] = sources.mapValues { source in
        source.split(separator: "/").map { line in
            line.split(separator: " ").flatMap { points(String($0)) }
        }
    }

    /// Two digits are a point on a grid of 5 by 9.
    private static func points(_ word: String) -> [SIMD2<Float>] {
        let digits = word.compactMap(\.wholeNumberValue)
        return [point(Float(digits[0]), Float(digits[1]))]
    }

    private static func point(_ x: Float, _ y: Float) -> SIMD2<Float> {
        SIMD2((x - 2) * 0.35, (y - 4) * 0.25)
    }

    private static let sources: [Character: String] = [
        "0": "10 30 42 46 38 18 06 02 10/33 15", "1": "12 20 28/18 38",
        "2": "02 10 30 42 43 08 48", "3": "01 10 30 42 43 34 24/34 45 46 38 18 07",
        "4": "38 30 05 45", "5": "40 10 04 24 34 45 46 38 18 07",
        "6": "40 20 04 06 18 38 46 45 34 14 05", "7": "00 40 18",
        "8": "14 03 01 10 30 41 43 34 14 05 07 18 38 47 45 34",
        "9": "43 34 14 03 02 10 30 42 43 44 28 08", "A": "08 20 48/15 35",
        "B": "04 34 45 47 38 08 00 30 41 43 34", "C": "41 30 10 02 06 18 38 47",
        "D": "00 08 28 46 42 20 00", "E": "40 00 08 48/04 34", "F": "40 00 08/04 34",
        "G": "41 30 10 02 06 18 38 46 44 24", "H": "00 08/40 48/04 44", "I": "20 28/10 30/18 38",
        "J": "20 40 46 38 18 06", "K": "00 08/40 04 48", "L": "00 08 48", "M": "08 00 24 40 48",
        "N": "08 00 48 40", "O": "10 30 42 46 38 18 06 02 10", "P": "08 00 30 41 43 34 04",
        "Q": "10 30 42 46 38 18 06 02 10/26 48", "R": "08 00 30 41 43 34 04/24 48",
        "S": "41 30 10 01 03 14 34 45 47 38 18 07", "T": "00 40/20 28", "U": "00 06 18 38 46 40",
        "V": "00 28 40", "W": "00 18 23 38 40", "X": "00 48/40 08", "Y": "00 24 40/24 28",
        "Z": "00 40 08 48",
    ]
}
