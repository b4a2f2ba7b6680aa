import Foundation

/// How Python prints and reads numbers.
enum PythonNumber {
    /// The shortest text that reads back as the number, laid out as `repr` does.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        // Swift prints the shortest digits too; only the layout differs.
        let printed = "\(abs(value))".split(separator: "e")
        var exponent = printed.count > 1 ? Int(printed[1]) ?? 0 : 0
        let parts = printed[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(parts[0])
        exponent += digits.count
        if parts.count > 1 { digits += parts[1] }
        while digits.hasPrefix("0") {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0") { digits.removeLast() }
        // The value is 0.DIGITS · 10^exponent.
        let sign = value < 0 ? "-" : ""
        if exponent > 16 || exponent < -3 {
            let power = exponent - 1
            var mantissa = String(digits.removeFirst())
            if !digits.isEmpty { mantissa += "." + digits }
            let size = abs(power) < 10 ? "0\(abs(power))" : "\(abs(power))"
            return sign + mantissa + (power < 0 ? "e-" : "e+") + size
        }
        if exponent <= 0 {
            return sign + "0." + String(repeating: "0", count: -exponent) + digits
        }
        if digits.count <= exponent {
            return sign + digits + String(repeating: "0", count: exponent - digits.count) + ".0"
        }
        let point = digits.index(digits.startIndex, offsetBy: exponent)
        return sign + digits[..<point] + "." + digits[point...]
    }

    /// A number with a fixed count of digits in a C format: `f`, `e`, `g` or their capitals.
    static func text(_ value: Double, style: Character, precision: Int) -> String {
        if !value.isFinite { return text(value) }
        return String(format: "%.\(precision)\(style)", value)
    }

    /// What `int(text, base)` reads; nil when the text is no number or needs more than 64 bits.
    static func integer(_ text: String, base: Int = 10) -> Int? {
        var digits = PythonText.stripped(text).lowercased()
        var isNegative = false
        if digits.hasPrefix("-") || digits.hasPrefix("+") {
            isNegative = digits.hasPrefix("-")
            digits.removeFirst()
        }
        var base = base
        let prefixes = ["0x": 16, "0o": 8, "0b": 2]
        if let found = prefixes[String(digits.prefix(2))], base == found || base == 0 {
            base = found
            digits.removeFirst(2)
        }
        if base == 0 { base = 10 }
        guard (2...36).contains(base), let plain = withoutSeparators(digits) else { return nil }
        guard plain.utf8.first.map({ $0 != 0x2B && $0 != 0x2D }) == true else { return nil }
        return Int((isNegative ? "-" : "") + plain, radix: base)
    }

    /// What `float(text)` reads.
    static func float(_ text: String) -> Double? {
        let lowered = PythonText.stripped(text).lowercased()
        let unsigned =
            lowered.hasPrefix("-") || lowered.hasPrefix("+")
            ? String(lowered.dropFirst()) : lowered
        if ["inf", "infinity"].contains(unsigned) {
            return lowered.hasPrefix("-") ? -.infinity : .infinity
        }
        if unsigned == "nan" { return .nan }
        guard let plain = withoutSeparators(unsigned),
            plain.utf8.allSatisfy({
                (0x30...0x39).contains($0) || [0x2E, 0x65, 0x2B, 0x2D].contains($0)
            }),
            plain.utf8.contains(where: { (0x30...0x39).contains($0) }),
            let first = plain.utf8.first, first != 0x65, first != 0x2B, first != 0x2D
        else { return nil }
        var layout = plain
        if layout.hasPrefix(".") { layout = "0" + layout }
        layout = layout.replacingOccurrences(of: ".e", with: ".0e")
        if layout.hasSuffix(".") { layout += "0" }
        return Double(layout).map { lowered.hasPrefix("-") ? -$0 : $0 }
    }

    /// Digits without the underscores that may stand between two of them.
    private static func withoutSeparators(_ digits: String) -> String? {
        guard digits.contains("_") else { return digits.isEmpty ? nil : digits }
        let parts = digits.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        return parts.joined()
    }

    /// The quotient rounded down, or nil when it needs more than 64 bits.
    static func floorQuotient(_ left: Int, by right: Int) -> Int? {
        let (quotient, overflow) = left.dividedReportingOverflow(by: right)
        guard !overflow else { return nil }
        return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient
    }

    /// The remainder with the sign of the divisor.
    static func remainder(_ left: Int, by right: Int) -> Int {
        if right == -1 { return 0 }
        let remainder = left % right
        return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder
    }

    /// The remainder with the sign of the divisor.
    static func remainder(_ left: Double, by right: Double) -> Double {
        let remainder = left.truncatingRemainder(dividingBy: right)
        if remainder == 0 { return Double(signOf: right, magnitudeOf: 0) }
        return (remainder < 0) != (right < 0) ? remainder + right : remainder
    }
}
