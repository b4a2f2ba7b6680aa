import Foundation

/// Numbers as people read them.
enum Formatting {
    /// Six decimals, or two digits and an exponent where those would hide the value.
    static func divergence(_ value: Double) -> String {
        value == 0 || value.magnitude >= 1e-4 || !value.isFinite
            ? decimal(value, 6) : String(format: "%.1e", value)
    }

    /// A value as JSON with sorted names, a line each.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A decimal number with a fixed number of digits after the point.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "–" : value < 0 ? "−∞" : "∞" }
        return String(format: "%.\(digits)f", value)
    }

    /// Some decimals, or two digits and an exponent where those would hide the value.
    static func short(_ value: Double, _ digits: Int = 2) -> String {
        value.magnitude >= 0.1 || !value.isFinite
            ? decimal(value, digits) : String(format: "%.2g", value)
    }

    /// Bytes in units of 1000: `98.4 MB`.
    static func bytes(_ count: Int) -> String {
        var value = Double(count)
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 1000 { return unit == "B" ? "\(count) B" : decimal(value, 1) + " " + unit }
            value /= 1000
        }
        return decimal(value, 2) + " TB"
    }

    /// A whole number with thin groups of three digits.
    static func grouped(_ value: Int) -> String {
        var digits = Array(String(value.magnitude))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// Seconds as `0.42 s`, `12 s`, `3 min 20 s`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 10 { return decimal(seconds, 2) + " s" }
        if seconds < 120 { return decimal(seconds, 0) + " s" }
        return "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
    }

    /// A bar whose length is a share of a width, to an eighth of a character.
    static func bar(_ share: Double, width: Int) -> String {
        let eighths = Int((min(max(share, 0), 1) * Double(width * 8)).rounded())
        let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    }
}
