import HalftoneTensor

/// The batches of `Tests/Reference/training/stream.py`, made again.
enum TrainingStream {
    /// Word `index` of a seed.
    private static func word(_ seed: UInt64, _ index: Int) -> UInt64 {
        var z = seed &+ (UInt64(index) + 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Rows of 65 tokens.
    static func tokens(_ step: Int) -> [[Int32]] {
        (0..<8).map { row in
            var tokens: [Int32] = []
            for place in 0..<65 {
                let word = word(20250, (step * 8 + row) * 65 + place)
                let choice = (word >> 32) & 15
                if place == 0 {
                    tokens.append(Int32(word >> 56))
                } else if choice < 12 {
                    tokens.append((5 * tokens[place - 1] + 17) % 256)
                } else if choice < 14, place >= 8 {
                    tokens.append(tokens[place - 8])
                } else {
                    tokens.append(Int32(word >> 56))
                }
            }
            return tokens
        }
    }

    /// 32 images of `[3, 32, 32]` and their classes.
    static func pictures(_ step: Int) -> (images: Tensor, classes: IndexTensor) {
        let waves = [
            (1, 0), (0, 1), (1, 1), (1, 31), (2, 0), (0, 2), (2, 2), (2, 30), (2, 1), (1, 2),
        ]
        var pixels: [Float] = []
        var classes: [Int32] = []
        for place in 0..<32 {
            let start = (step * 32 + place) * 385
            let head = word(20251, start)
            let pattern = Int((head >> 32) % 10)
            classes.append(
                (head >> 40) & 7 == 0 ? Int32((head >> 48) % 10) : Int32(pattern))
            let (a, b) = waves[pattern]
            let phase = Int(head & 31)
            for k in 0..<3072 {
                let (y, x) = (k / 32 % 32, k % 32)
                let noise = Int(word(20251, start + 1 + k / 8) >> UInt64(8 * (k % 8)) & 255)
                let turn = (a * x + b * y + phase) % 32
                pixels.append(Float(8 * abs(turn - 16) - 64 + noise - 128) / 64)
            }
        }
        return (
            Tensor(shape: [32, 3, 32, 32], elements: pixels),
            IndexTensor(shape: [32], elements: classes)
        )
    }

    /// The sum of (position + 1) · number, modulo 2³².
    static func checksum(_ numbers: some Sequence<Int>) -> Int {
        var sum = 0
        for (place, number) in numbers.enumerated() { sum &+= (place + 1) &* number }
        return sum & 0xFFFF_FFFF
    }
}
