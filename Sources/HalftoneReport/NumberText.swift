import Foundation

/// Numbers as charts write them.
enum NumberText {
    /// A number with a given count of decimals and a thin space between thousands.
    static func fixed(_ value: Double, decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", abs(value))
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var whole = ""
        for (index, digit) in parts[0].enumerated() {
            // Four digits read well without.
            if index > 0, parts[0].count > 4, (parts[0].count - index).isMultiple(of: 3) {
                whole += "\u{2009}"
            }
            whole.append(digit)
        }
        let isZero = text.allSatisfy { $0 == "0" || $0 == "." }
        let sign = value < 0 && !isZero ? "\u{2212}" : ""
        return sign + whole + (parts.count > 1 ? "." + parts[1] : "")
    }

    /// A number in few characters: `0.025`, `12.5M`, `10⁻⁷`, `3.2·10⁻⁷`.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "−∞" : "∞" }
        if value == 0 { return "0" }
        let size = abs(value)
        let sign = value < 0 ? "\u{2212}" : ""
        for (unit, name) in [(1e9, "G"), (1e6, "M")] where size >= unit && size < 1e12 {
            return sign + plain(size / unit) + name
        }
        if size >= 1e-4, size < 1e6 {
            return size >= 1e4 ? fixed(value, decimals: 0) : sign + plain(size)
        }
        let exponent = Int(log10(size).rounded(.down))
        let mantissa = size / pow(10, Double(exponent))
        let power = "10" + superscript(exponent)
        return sign + (abs(mantissa - 1) < 1e-6 ? power : plain(mantissa) + "·" + power)
    }

    /// Up to four significant digits, three below one, without trailing zeros.
    private static func plain(_ value: Double) -> String {
        let before = value >= 1 ? Int(log10(value).rounded(.down)) + 1 : 0
        let zeros = value < 1 ? -Int(log10(value).rounded(.down)) - 1 : 0
        var text = String(format: "%.\(value < 1 ? 3 + zeros : max(0, 4 - before))f", value)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    private static func superscript(_ value: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        return (value < 0 ? "⁻" : "")
            + "\(abs(value))".compactMap { $0.wholeNumberValue }
            .map { String(digits[$0]) }.joined()
    }
}
