import HalftoneFormats
import Testing

@Suite("Codebooks, radix packing and scales")
struct CodebookTests {
    @Test("words hold as many digits as fit", arguments: 2...256)
    func wordsAreFull(levels: Int) {
        let packing = RadixPacking(levels: levels)
        // As many bits as the levels need at least, and never more than plain codes take.
        var bits = 0
        while 1 << bits < levels { bits += 1 }
        #expect(packing.bitsPerCode <= Double(bits == 3 || bits > 4 ? 8 / (8 / bits) : bits))
        var most: UInt64 = 0
        for _ in 0..<packing.codesPerWord {
            most = most * UInt64(levels) + UInt64(levels - 1)
        }
        #expect(most <= .max >> UInt64(64 - 8 * packing.bytesPerWord))
    }

    @Test("the words of small numbers of levels")
    func wordsAreKnown() {
        // ⌊8w / log₂ n⌋ digits in w bytes.
        for (levels, bytes, codes) in [
            (2, 1, 8), (3, 1, 5), (4, 1, 4), (5, 8, 27), (6, 1, 3), (7, 4, 11), (9, 2, 5),
            (11, 4, 9), (15, 1, 2), (16, 1, 2), (200, 1, 1), (256, 1, 1),
        ] {
            let packing = RadixPacking(levels: levels)
            #expect(packing.bytesPerWord == bytes && packing.codesPerWord == codes, "\(levels)")
        }
        #expect(RadixPacking(levels: 3).pack([1, 2, 0, 1, 2, 2]) == [1 + 6 + 27 + 162, 2])
    }

    @Test("codes survive", arguments: [2, 3, 5, 6, 7, 9, 11, 15, 100, 255, 256])
    func codesSurvive(levels: Int) {
        var generator = TestGenerator(state: UInt64(levels))
        let packing = RadixPacking(levels: levels)
        for count in [0, 1, 7, 8, 9, 31, 33, 1023] {
            let codes = (0..<count).map { _ in
                UInt8(Int.random(in: 0..<levels, using: &generator))
            }
            let packed = packing.pack(codes)
            #expect(packed.count == packing.byteCount(codes: count))
            #expect(packing.unpack(packed, count: count) == codes)
            // Any bytes give digits.
            let noise = packed.map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(packing.unpack(noise, count: count).allSatisfy { Int($0) < levels })
        }
    }

    @Test("the complex units are found by sector")
    func complexUnits() {
        let book = VectorCodebook.complexUnits
        #expect(book.bits == 2)
        for (x, y, code) in [
            (1, 0.5, 0), (1, -1, 0), (1, 1, 2), (-1, 1, 1), (-1, -1, 3), (-3, 1, 1), (0.2, 3, 2),
            (0.2, -3, 3), (0, 0, 0), (0, 1, 2), (0, -1, 3), (-1, 0, 1), (1, 0, 0),
        ] as [(Float, Float, Int)] {
            #expect(VectorCodebook.complexUnit(real: x, imaginary: y) == code, "\(x) + \(y)i")
            if x.magnitude != y.magnitude { #expect(book.code(of: [x, y]) == code) }
        }
    }

    @Test("two planes of bits are four levels")
    func dualBinary() {
        // 2s and −s with s = ½; the thresholds of the paper: s/2 below 0, s/2 and 3s/2.
        let format = NumberFormat(.codebook(.dualBinary(first: 1, second: -0.5)))
        #expect(format.levels == [-0.5, 0, 0.5, 1])
        #expect(
            [-0.3, -0.2, 0.2, 0.3, 0.7, 0.8].map { format.code(of: $0) } == [2, 0, 0, 3, 3, 1])
    }

    @Test("k-means finds clusters, weights move the centres, and the error never grows")
    func codebooksAreFitted() {
        var generator = TestGenerator(state: 3)
        let centres: [Float] = [-3, -1, 0.5, 4]
        let input = centres.flatMap { centre in
            (0..<50).map { _ in centre + Float.random(in: -0.1...0.1, using: &generator) }
        }
        let book = Codebook.fitted("k", count: 4, to: input, using: &generator)
        // The mean of numbers within 0.1 of a centre is.
        for (value, centre) in zip(book.values, centres) {
            #expect((value - centre).magnitude <= 0.1)
        }
        let two = Codebook.fitted(
            "w", count: 2, to: [0, 1, 10], weights: [3, 1, 5], using: &generator)
        #expect(two.values == [0.25, 10])
        var last = Double.infinity
        let pairs = (0..<400).map { _ in Float.random(in: -1...1, using: &generator) }
        for turns in 0..<6 {
            var same = TestGenerator(state: 8)
            let fitted = VectorCodebook.fitted(
                count: 9, dimension: 2, to: pairs, turns: turns, using: &same)
            let error = stride(from: 0, to: pairs.count, by: 2).reduce(0.0) { sum, at in
                let vector = fitted.vector(of: fitted.code(of: pairs[at..<at + 2]))
                return sum
                    + zip(vector, pairs[at..<at + 2]).reduce(0) {
                        $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
                    }
            }
            // Centroids are rounded to float32, which adds less than 10⁻⁶ of the error.
            #expect(error <= last * (1 + 1e-6), "turn \(turns)")
            last = error
        }
    }

    @Test("statistics of magnitudes")
    func magnitudeScales() {
        let weights: [Float] = [1, -2, 3, -10]
        #expect(MagnitudeScale.mean.scale(of: weights) == 4)
        #expect(MagnitudeScale.median.scale(of: weights) == 2)
        #expect(MagnitudeScale.largest.scale(of: weights) == 10)
        #expect(MagnitudeScale.rootMeanSquare.scale(of: weights) == Float(28.5).squareRoot())
        // Above 0.7 · 4 = 2.8 are 3 and 10.
        #expect(MagnitudeScale.aboveThreshold.scale(of: weights) == 6.5)
        #expect(MagnitudeScale.allCases.allSatisfy { $0.scale(of: [Float]()) == 0 })
    }

    @Test("narrow ranges and any number of levels", arguments: 2...256)
    func levelCounts(levels: Int) {
        for symmetric in [true, false] {
            let format = IntegerFormat(levels: levels, symmetric: symmetric)
            #expect(format.levels <= 1 << format.bits && format.levels > 1 << (format.bits - 1))
            #expect(IntegerFormat(named: format.description) == format)
        }
        let values = NumberFormat(.integer(IntegerFormat(levels: levels, symmetric: true))).values
        if !levels.isMultiple(of: 2) { #expect(values.map { -$0 }.reversed() == values) }
    }
}
