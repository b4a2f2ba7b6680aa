import HalftoneFormats

/// What codes stand for, in the form that products of panels look up: integers of one to three
/// digits to the base 256, times a unit.
///
/// Values that are multiples of some power of two, or to a rounding of the smallest, are exact:
/// E2M1 and E2M3 in one digit, E3M2 and FP4 in two, E4M3 in three. Of others the largest magnitude
/// becomes 32639 = 127 · 256 + 127, or 8355711 of three digits, so that a value is off by at most
/// 1/65278, or 1/16711422, of the largest. Three digits are for values that two would leave off by
/// more than 2^−12 of themselves.
@safe
final class PanelTable: @unchecked Sendable {
    /// Bits of a code.
    let bits: Int

    /// Digits of a value, 1 to 3.
    let digits: Int

    /// What 1 is worth.
    let unit: Float

    /// `[digit][code]` plus 128, the least digit first.
    let pointer: UnsafePointer<UInt8>

    /// Lays out the values of codes.
    ///
    /// - Parameters:
    ///   - values: 2^`bits` finite numbers.
    ///   - scale: What each is multiplied with, for which no entry is rounded.
    init(_ values: [Float], scale: Float = 1) {
        bits = values.count.trailingZeroBitCount
        precondition(values.count == 1 << bits && (1...8).contains(bits), "one value per code")
        let (digits, integers, unit) = Self.integers(values)
        self.digits = digits
        self.unit = unit * scale
        // Short tables repeat themselves up to the width of a register.
        let size = max(values.count, 64)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: digits * size)
        for index in 0..<size {
            var rest = integers[index % values.count]
            for digit in 0..<digits {
                let low = Int(Int8(truncatingIfNeeded: rest))
                unsafe memory[digit * size + index] = UInt8(low + 128)
                rest = (rest - low) >> 8
            }
        }
        unsafe pointer = UnsafePointer(memory)
    }

    deinit { unsafe pointer.deallocate() }

    /// The largest number of some digits from −128 to 127; the least is a little further from 0.
    private static func largest(digits: Int) -> Int {
        (0..<digits).reduce(0) { sum, _ in sum * 256 + 127 }
    }

    private static func integers(_ values: [Float]) -> (digits: Int, [Int], unit: Float) {
        let extreme = values.map(\.magnitude).max() ?? 0
        guard extreme > 0 else { return (1, values.map { _ in 0 }, 1) }
        // The largest power of two that all values are multiples of.
        let unit =
            values.filter { $0 != 0 }.map { $0.ulp * Float($0.significandTrailingZeros) }
            .min() ?? 1
        for digits in 1...3 where extreme / unit <= Float(largest(digits: digits)) {
            return (digits, values.map { Int($0 / unit) }, unit)
        }
        // Multiples of the smallest that are no powers of two, rounded as floats are.
        let least = values.map(\.magnitude).filter { $0 > 0 }.min() ?? extreme
        let ratios = values.map { $0 / least }
        if extreme / least <= Float(largest(digits: 2)),
            ratios.allSatisfy({ ($0 - $0.rounded()).magnitude <= $0.magnitude * 0x1p-22 })
        {
            let digits = extreme / least <= Float(largest(digits: 1)) ? 1 : 2
            return (digits, ratios.map { Int($0.rounded()) }, least)
        }
        for digits in 2...3 {
            let unit = extreme / Float(largest(digits: digits))
            // A quotient of floats may be a little more than the largest number.
            let most = largest(digits: digits)
            let integers = values.map { min(Int(($0 / unit).rounded()), most) }
            let isClose = zip(values, integers).allSatisfy { value, integer in
                (Float(integer) * unit - value).magnitude <= value.magnitude * 0x1p-12
            }
            if isClose || digits == 3 { return (digits, integers, unit) }
        }
        preconditionFailure("three digits hold any values")
    }
}

extension PanelTable {
    /// The values of IQ4_NL and IQ4_XS.
    static let nonlinear = PanelTable(BlockDecoding.nonlinearLevels.map { Float($0) })

    /// The values of E2M1.
    static let e2m1 = PanelTable((0..<16).map { Float(BlockDecoding.doubledE2M1[$0]) / 2 })
}

extension Float {
    /// 2 to the number of zero bits at the end of the significand: the value is an odd multiple of
    /// `ulp` times this.
    fileprivate var significandTrailingZeros: Int {
        let pattern = significandBitPattern | (isNormal ? 1 << 23 : 0)
        return 1 << pattern.trailingZeroBitCount
    }
}
