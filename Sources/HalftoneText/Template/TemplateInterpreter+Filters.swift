import Foundation

extension TemplateInterpreter {
    /// Applies a filter.
    func filter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        try charge()
        if let result = try textFilter(value, name, arguments) { return result }
        if let result = try numberFilter(value, name, arguments) { return result }
        if let result = try sequenceFilter(value, name, arguments) { return result }
        throw evaluationError("there is no filter '\(name)'")
    }

    /// The names of all filters, for the test `filter`.
    static let filters: Set<String> = [
        "trim", "upper", "lower", "title", "capitalize", "replace", "string", "safe", "escape",
        "e", "forceescape", "tojson", "indent", "format", "wordcount", "center", "truncate",
        "length", "count", "default", "d", "int", "float", "abs", "round", "join", "first",
        "last", "list", "map", "select", "reject", "selectattr", "rejectattr", "items",
        "dictsort", "sort", "unique", "reverse", "min", "max", "sum", "batch", "slice", "attr",
    ]

    // MARK: Text

    private func textFilter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "trim":
            let characters = try bind(arguments, ["chars"], of: name)[0]
            let set = characters.map(\.isNone) == false ? try requiredText(characters, name) : nil
            return try softly(value) { PythonText.stripped($0, of: set) }
        case "upper": return try softly(value) { $0.uppercased() }
        case "lower": return try softly(value) { $0.lowercased() }
        case "capitalize": return try softly(value) { PythonText.capitalized($0) }
        case "title": return .string(titled(try text(of: value)))
        case "string":
            if value.text != nil { return value }
            return .string(try checked(try text(of: value)))
        case "safe": return .markup(try text(of: value))
        case "escape", "e":
            if case .markup = value { return value }
            return .markup(try checked(PythonText.htmlEscaped(try text(of: value))))
        case "forceescape":
            return .markup(try checked(PythonText.htmlEscaped(try text(of: value))))
        case "replace":
            let values = try bind(arguments, ["old", "new", "count"], of: name)
            guard let old = values[0], let new = values[1] else {
                throw evaluationError("replace needs an old and a new text")
            }
            let limit = values[2].map(\.isNone) == true ? nil : values[2]
            return .string(
                try replacing(
                    try text(of: old), by: try text(of: new), in: try text(of: value),
                    limit: limit))
        case "tojson": return .string(try toJSON(value, arguments))
        case "indent": return try indented(value, arguments)
        case "format":
            guard arguments.positional.isEmpty || arguments.keywords.isEmpty else {
                throw evaluationError("format takes values either with or without names")
            }
            var values = TemplateValue.tuple(arguments.positional)
            if !arguments.keywords.isEmpty {
                var dictionary = TemplateDictionary()
                for (name, value) in arguments.keywords { dictionary[text: name] = value }
                values = .dictionary(dictionary)
            }
            return .string(try printf(try text(of: value), values))
        case "wordcount": return .integer(wordCount(try text(of: value)))
        case "center":
            let width = try bind(arguments, ["width"], of: name)[0] ?? .integer(80)
            return try callTextMethod(
                "center", of: try text(of: value), TemplateCallArguments(positional: [width]))
        case "truncate": return .string(try truncated(try text(of: value), arguments))
        default: return nil
        }
    }

    /// Changes a text and keeps its mark.
    private func softly(
        _ value: TemplateValue, _ change: (String) -> String
    ) throws(TemplateError) -> TemplateValue {
        let result = try checked(change(try text(of: value)))
        if case .markup = value { return .markup(result) }
        return .string(result)
    }

    /// Words with large first letters, where only some characters part words.
    private func titled(_ text: String) -> String {
        var result = ""
        var startsWord = true
        for scalar in text.unicodeScalars {
            result +=
                startsWord
                ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
            startsWord = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
        }
        return result
    }

    private func wordCount(_ text: String) -> Int {
        var count = 0
        var inWord = false
        for scalar in text.unicodeScalars {
            let isWord = scalar.isNameStart || scalar.properties.numericType != nil
            if isWord, !inWord { count += 1 }
            inWord = isWord
        }
        return count
    }

    private func toJSON(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> String {
        let values = try bind(
            arguments, ["ensure_ascii", "indent", "separators", "sort_keys"], of: "tojson")
        var style = TemplateJSONStyle()
        style.escapesNonASCII = values[0]?.isTrue ?? false
        if let indent = values[1], !indent.isNone {
            if let width = indent.wholeNumber {
                guard width <= 1000 else { throw evaluationError("tojson: indent is too wide") }
                style.indent = String(repeating: " ", count: max(0, width))
            } else {
                style.indent = try requiredText(indent, "tojson")
            }
            style.itemSeparator = ","
        }
        if let separators = values[2], !separators.isNone {
            let pair = try elements(of: separators)
            guard pair.count == 2 else { throw evaluationError("tojson needs two separators") }
            style.itemSeparator = try requiredText(pair[0], "tojson")
            style.keySeparator = try requiredText(pair[1], "tojson")
        }
        style.sortsKeys = values[3]?.isTrue ?? false
        return try json(value, style)
    }

    private func indented(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["width", "first", "blank"], of: "indent")
        guard let source = value.text else {
            throw evaluationError("indent needs a string, not \(value.typeName)")
        }
        var indent = values[0]?.text ?? ""
        if values[0]?.text == nil {
            guard let width = (values[0] ?? .integer(4)).wholeNumber else {
                throw evaluationError("indent needs a width")
            }
            try checkText(bytes: max(0, width))
            indent = String(repeating: " ", count: max(0, width))
        }
        let lines = PythonText.lines(source + "\n")
        let (added, overflow) = lines.count.multipliedReportingOverflow(by: indent.utf8.count + 1)
        try checkText(bytes: overflow ? Int.max / 2 : added, appendedTo: source.utf8.count)
        let includesBlank = values[2]?.isTrue ?? false
        var result = values[1]?.isTrue ?? false ? indent : ""
        for (index, line) in lines.enumerated() {
            if index > 0 { result += "\n" }
            if index > 0, includesBlank || !line.isEmpty { result += indent }
            result += line
        }
        if case .markup = value { return .markup(result) }
        return .string(result)
    }

    private func truncated(
        _ text: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> String {
        let values = try bind(arguments, ["length", "killwords", "end", "leeway"], of: "truncate")
        let length = (values[0] ?? .integer(255)).wholeNumber ?? 255
        let end = try requiredText(values[2] ?? .string("..."), "truncate")
        let leeway = values[3]?.wholeNumber ?? 5
        guard length >= end.unicodeScalars.count, leeway >= 0 else {
            throw evaluationError("truncate: the length is less than that of the end")
        }
        let scalars = text.unicodeScalars
        let (most, overflow) = length.addingReportingOverflow(leeway)
        if overflow || scalars.count <= most { return text }
        let kept = String(scalars.prefix(length - end.unicodeScalars.count))
        if values[1]?.isTrue ?? false { return kept + end }
        return PythonText.split(kept, by: " ", limit: 1, fromRight: true)[0] + end
    }

    // MARK: Numbers

    private func numberFilter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "default", "d":
            let values = try bind(arguments, ["default_value", "boolean"], of: name)
            let replaces = value.isUndefined || ((values[1]?.isTrue ?? false) && !value.isTrue)
            return replaces ? values[0] ?? .string("") : value
        case "int":
            let values = try bind(arguments, ["default", "base"], of: name)
            return try integer(value, base: values[1]?.wholeNumber ?? 10)
                ?? values[0] ?? .integer(0)
        case "float":
            let fallback = try bind(arguments, ["default"], of: name)[0] ?? .float(0)
            if case .undefined(let reason) = value { throw evaluationError(reason) }
            if let number = value.number { return .float(number) }
            return value.text.flatMap(PythonNumber.float).map { .float($0) } ?? fallback
        case "abs":
            if case .float(let number) = value { return .float(abs(number)) }
            guard let number = value.wholeNumber else {
                throw evaluationError("abs needs a number, not \(value.typeName)")
            }
            return number < 0 ? try negated(.integer(number)) : .integer(number)
        case "round": return try rounded(value, arguments)
        default: return nil
        }
    }

    private func integer(
        _ value: TemplateValue, base: Int
    ) throws(TemplateError) -> TemplateValue? {
        if case .undefined(let reason) = value { throw evaluationError(reason) }
        if let number = value.wholeNumber { return .integer(number) }
        if let text = value.text, let number = PythonNumber.integer(text, base: base) {
            return .integer(number)
        }
        guard let number = value.number ?? value.text.flatMap(PythonNumber.float),
            number.isFinite
        else { return nil }
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
            throw evaluationError("\(PythonNumber.text(number)) needs more than 64 bits")
        }
        return .integer(whole)
    }

    private func rounded(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["precision", "method"], of: "round")
        let precision = (values[0] ?? .integer(0)).wholeNumber ?? 0
        let method = values[1]?.text ?? "common"
        guard let number = value.number, ["common", "ceil", "floor"].contains(method) else {
            throw evaluationError("round needs a number and common, ceil or floor")
        }
        guard abs(precision) <= 300 else { throw evaluationError("round: too many digits") }
        if method == "common" {
            if let whole = value.wholeNumber, precision >= 0 { return .integer(whole) }
            guard number.isFinite else { return .float(number) }
            if precision >= 0 {
                let text = PythonNumber.text(number, style: "f", precision: precision)
                return .float(Double(text) ?? number)
            }
            let scale = pow(10, Double(-precision))
            let result = (number / scale).rounded(.toNearestOrEven) * scale
            if value.wholeNumber != nil { return .integer(Int(exactly: result) ?? 0) }
            return .float(result)
        }
        let scale = pow(10, Double(precision))
        let scaled = (number * scale).rounded(method == "ceil" ? .up : .down)
        guard scaled.isFinite else { throw evaluationError("round: the number is too large") }
        return .float(scaled / scale)
    }
}
