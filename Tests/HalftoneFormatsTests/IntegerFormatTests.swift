import Foundation
import HalftoneFormats
import Testing

@Suite("Integer formats")
struct IntegerFormatTests {
    @Test("levels, largest code and middle follow from the bits", arguments: 1...8)
    func levelsFollowFromBits(bits: Int) {
        let levels = [2, 4, 8, 16, 32, 64, 128, 256][bits - 1]
        let middle: Float = [0.5, 2, 4, 8, 16, 32, 64, 128][bits - 1]
        for symmetric in [true, false] {
            let format = IntegerFormat(bits: bits, symmetric: symmetric)
            #expect(format.levels == levels)
            #expect(format.maximumCode == levels - 1)
            #expect(format.symmetricZeroPoint == middle)
        }
    }

    @Test("a code is the nearest of all codes, the even one on ties", arguments: 1...8)
    func codeIsTheNearestOfAll(bits: Int) {
        let format = IntegerFormat(bits: bits, symmetric: true)
        // Quarter steps from below the range to above it, and the floats beside each.
        for quarter in -8...(4 * format.levels + 8) {
            let point = Float(quarter) / 4
            for steps in [point.nextDown, point, point.nextUp] {
                var best = 0
                for code in 0..<format.levels {
                    let distance = (Double(code) - Double(steps)).magnitude
                    let bestDistance = (Double(best) - Double(steps)).magnitude
                    if distance < bestDistance || (distance == bestDistance && code % 2 == 0) {
                        best = code
                    }
                }
                #expect(Int(format.code(steps: steps)) == best, "\(steps) steps")
            }
        }
    }

    @Test("codes and values differ on ties where zero is an odd code, and nowhere else")
    func tiesOfCodesAndOfValues() {
        for levels in 3...17 {
            let format = IntegerFormat(levels: levels, symmetric: true)
            let (numbers, zero) = (NumberFormat(.integer(format)), Int(format.symmetricZeroPoint))
            for quarter in -4 * zero...4 * (levels - 1 - zero) {
                let value = Float(quarter) / 4
                let byCode = Float(format.code(steps: value + Float(zero))) - Float(zero)
                let byValue = numbers.rounded(value)
                let isTie = quarter % 4 != 0 && quarter % 2 == 0
                #expect(
                    (byCode == byValue) == !(isTie && zero % 2 == 1), "\(value) of \(levels) levels"
                )
                #expect((byCode - value).magnitude == (byValue - value).magnitude)
            }
        }
    }

    @Test("values outside the range saturate and NaN gives code 0", arguments: 1...8)
    func codeSaturates(bits: Int) {
        let format = IntegerFormat(bits: bits, symmetric: false)
        #expect(Int(format.code(steps: .infinity)) == format.maximumCode)
        #expect(Int(format.code(steps: .greatestFiniteMagnitude)) == format.maximumCode)
        #expect(format.code(steps: -.infinity) == 0)
        #expect(format.code(steps: .nan) == 0)
    }

    @Test("one symmetric bit stands for plus and minus half a scale")
    func oneBitHasTwoSigns() {
        let format = IntegerFormat(bits: 1, symmetric: true)
        let zero = format.symmetricZeroPoint
        #expect(format.code(steps: 0.3 + zero) == 1)
        #expect(format.code(steps: -0.3 + zero) == 0)
        #expect((0...1).map { Float($0) - zero } == [-0.5, 0.5])
    }

    @Test("names are the inverse of descriptions")
    func namesAreFound() {
        var names: Set<String> = []
        for bits in 1...8 {
            for symmetric in [true, false] {
                let format = IntegerFormat(bits: bits, symmetric: symmetric)
                names.insert(format.description)
                #expect(IntegerFormat(named: format.description) == format)
            }
        }
        #expect(names.count == 16)
        #expect(IntegerFormat(named: "int4") == IntegerFormat(bits: 4, symmetric: true))
        #expect(IntegerFormat(named: "uint4") == IntegerFormat(bits: 4, symmetric: false))
    }

    @Test(
        "a name that no format prints is refused",
        arguments: [
            "", "int", "uint", "int0", "int9", "int16", "int+4", "int04", "int-4", "int 4", "INT4",
            "q4", "uint4 ", "int4.0", "int٤",
        ])
    func otherNamesAreRefused(name: String) {
        #expect(IntegerFormat(named: name) == nil)
    }

    @Test(
        "JSON keeps a format, and refuses bits that do not exist", arguments: [-1, 0, 9, 64, 1000])
    func codingIsChecked(bits: Int) throws {
        let format = IntegerFormat(bits: 3, symmetric: false)
        let data = try JSONEncoder().encode(format)
        #expect(try JSONDecoder().decode(IntegerFormat.self, from: data) == format)
        let hostile = Data(#"{"bits":\#(bits),"isSymmetric":true}"#.utf8)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(IntegerFormat.self, from: hostile)
        }
    }
}
