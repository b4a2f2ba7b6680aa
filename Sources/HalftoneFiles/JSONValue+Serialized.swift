extension JSONValue {
    /// How a document is laid out.
    public enum Layout: Sendable, Equatable {
        /// No spaces: `{"a":[1,2]}`.
        case compact
        /// The separators of Python's `json.dumps`, which chat templates print: `{"a": [1, 2]}`.
        case spaced
        /// A line per value, as `json.dumps` with an indent writes it.
        case pretty(indent: Int)
    }

    /// The document as text.
    ///
    /// Only what must be escaped is: quotation marks, backslashes and control characters. Floats
    /// are the shortest digits that read back the same, laid out as Python's `repr` does. Numbers
    /// that are not finite become `NaN` and `Infinity` as in Python, which is not standard JSON.
    ///
    /// - Parameters:
    ///   - layout: White space between tokens.
    ///   - sortingMembers: Whether members are put in the order of their names' bytes.
    public func serialized(_ layout: Layout = .compact, sortingMembers: Bool = false) -> String {
        var writer = JSONWriter(layout: layout, sortingMembers: sortingMembers)
        writer.write(self, level: 0)
        return writer.text
    }

    /// A string in quotation marks, escaped as ``serialized(_:sortingMembers:)`` does.
    public static func quoted(_ text: String) -> String {
        JSONValue.string(text).serialized()
    }

    /// The shortest digits that read back as the same number, as Python's `repr` lays them out:
    /// `0.1`, `1e-05`, `1e+16`, `3.0`.
    public static func pythonRepresentation(of value: Double) -> String {
        guard value.isFinite else {
            return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
        }
        let sign = value.sign == .minus ? "-" : ""
        guard value != 0 else { return sign + "0.0" }
        // Swift prints the shortest digits, too, but changes to exponents elsewhere.
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = Array(mantissa.joined().utf8)
        var pointPosition = mantissa[0].utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let leadingZeros = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(leadingZeros)
        pointPosition -= leadingZeros
        while digits.last == 0x30 { digits.removeLast() }

        func text(_ digits: some Sequence<UInt8>) -> String {
            String(decoding: Array(digits), as: UTF8.self)
        }
        let exponent = pointPosition - 1
        if exponent < -4 || exponent >= 16 {
            let fraction = digits.count > 1 ? "." + text(digits.dropFirst()) : ""
            let size = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
            return sign + text(digits.prefix(1)) + fraction + (exponent < 0 ? "e-" : "e+") + size
        }
        if pointPosition <= 0 {
            return sign + "0." + String(repeating: "0", count: -pointPosition) + text(digits)
        }
        if digits.count <= pointPosition {
            let zeros = String(repeating: "0", count: pointPosition - digits.count)
            return sign + text(digits) + zeros + ".0"
        }
        return sign + text(digits.prefix(pointPosition)) + "."
            + text(digits.dropFirst(pointPosition))
    }
}

/// Builds the text of a document.
private struct JSONWriter {
    let layout: JSONValue.Layout
    let sortingMembers: Bool
    var text = ""

    private var itemSeparator: String { layout == .spaced ? ", " : "," }
    private var nameSeparator: String { layout == .compact ? ":" : ": " }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += JSONValue.pythonRepresentation(of: value)
        case .string(let value): write(value)
        case .array(let elements):
            guard !elements.isEmpty else { return text += "[]" }
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += itemSeparator }
                breakLine(level + 1)
                write(element, level: level + 1)
            }
            breakLine(level)
            text += "]"
        case .object(let object):
            guard object.count > 0 else { return text += "{}" }
            text += "{"
            var members = object.members
            if sortingMembers {
                members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            }
            for (index, member) in members.enumerated() {
                if index > 0 { text += itemSeparator }
                breakLine(level + 1)
                write(member.name)
                text += nameSeparator
                write(member.value, level: level + 1)
            }
            breakLine(level)
            text += "}"
        }
    }

    private mutating func breakLine(_ level: Int) {
        guard case .pretty(let indent) = layout else { return }
        text += "\n" + String(repeating: " ", count: max(indent, 0) * level)
    }

    private mutating func write(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
