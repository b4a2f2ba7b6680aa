/// How `tojson` lays a document out.
struct TemplateJSONStyle {
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var escapesNonASCII = false
    var sortsKeys = false
}

extension TemplateInterpreter {
    /// What Python's `json.dumps` gives.
    func json(
        _ value: TemplateValue, _ style: TemplateJSONStyle
    ) throws(TemplateError) -> String {
        var result = ""
        try append(value, style, level: 0, to: &result)
        return result
    }

    private func append(
        _ value: TemplateValue, _ style: TemplateJSONStyle, level: Int, to result: inout String
    ) throws(TemplateError) {
        try charge()
        switch value {
        case .none: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .integer(let value): result += String(value)
        case .float(let value): result += jsonNumber(value)
        case .string(let text), .markup(let text):
            try checkText(bytes: text.utf8.count, appendedTo: result.utf8.count)
            append(text, style, to: &result)
        case .list(let elements), .tuple(let elements):
            if elements.isEmpty {
                result += "[]"
                break
            }
            try enter()
            defer { leave() }
            result += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { result += style.itemSeparator }
                try breakLine(style, level + 1, in: &result)
                try append(element, style, level: level + 1, to: &result)
            }
            try breakLine(style, level, in: &result)
            result += "]"
        case .dictionary(let dictionary):
            try append(dictionary, style, level: level, to: &result)
        default:
            throw evaluationError("a value of type \(value.typeName) cannot be written as JSON")
        }
    }

    private func append(
        _ dictionary: TemplateDictionary, _ style: TemplateJSONStyle, level: Int,
        to result: inout String
    ) throws(TemplateError) {
        guard dictionary.count > 0 else {
            result += "{}"
            return
        }
        try enter()
        defer { leave() }
        var order = Array(0..<dictionary.count)
        if style.sortsKeys {
            order = try sorted(order, reversed: false) {
                (index) throws(TemplateError) -> TemplateValue in dictionary.keys[index]
            }
        }
        result += "{"
        for (count, index) in order.enumerated() {
            if count > 0 { result += style.itemSeparator }
            try breakLine(style, level + 1, in: &result)
            switch dictionary.keys[index] {
            case .string(let text), .markup(let text): append(text, style, to: &result)
            case .none: result += "\"null\""
            case .bool(let value): result += value ? "\"true\"" : "\"false\""
            case .integer(let value): result += "\"\(value)\""
            case .float(let value): result += "\"" + jsonNumber(value) + "\""
            default: throw evaluationError("a tuple cannot be a key in JSON")
            }
            result += style.keySeparator
            try append(dictionary.values[index], style, level: level + 1, to: &result)
        }
        try breakLine(style, level, in: &result)
        result += "}"
    }

    private func breakLine(
        _ style: TemplateJSONStyle, _ level: Int, in result: inout String
    ) throws(TemplateError) {
        guard let indent = style.indent else { return }
        try checkText(
            bytes: indent.utf8.count * level + 1, appendedTo: result.utf8.count)
        result += "\n" + String(repeating: indent, count: level)
    }

    private func jsonNumber(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return PythonNumber.text(value)
    }

    private func append(_ text: String, _ style: TemplateJSONStyle, to result: inout String) {
        func unit(_ value: UInt16) -> String {
            let digits = String(value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            default:
                if scalar.value < 0x20 || (style.escapesNonASCII && scalar.value > 0x7E) {
                    for value in String(scalar).utf16 { result += unit(value) }
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        result += "\""
    }
}
