extension TemplateInterpreter {
    /// Calls a method of `str`.
    func callTextMethod(
        _ name: String, of text: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        try checkText(bytes: text.utf8.count)
        switch name {
        case "strip", "lstrip", "rstrip":
            let characters = try optionalText(arguments, 0, of: name)
            return .string(
                PythonText.stripped(
                    text, of: characters, left: name != "rstrip", right: name != "lstrip"))
        case "split", "rsplit": return try split(text, name, arguments)
        case "splitlines":
            let keeps = try bind(arguments, ["keepends"], of: name)[0]?.isTrue ?? false
            return try texts(PythonText.lines(text, keepingEnds: keeps))
        case "partition", "rpartition": return try partition(text, name, arguments)
        case "startswith", "endswith":
            return .bool(try hasEdge(text, name, arguments))
        case "replace":
            let values = try bind(arguments, ["old", "new", "count"], of: name)
            let old = try requiredText(values[0], name)
            let new = try requiredText(values[1], name)
            return .string(try replacing(old, by: new, in: text, limit: values[2]))
        case "find", "rfind", "index", "count":
            return .integer(try search(text, name, arguments))
        case "join":
            let values = try bind(arguments, ["iterable"], of: name)
            let parts = try elements(of: values[0] ?? .undefined("join needs elements"))
            return .string(try joined(parts, separator: text, requiresTexts: true))
        case "format": return .string(try format(text, arguments))
        case "zfill", "center", "ljust", "rjust": return try padded(text, name, arguments)
        case "removeprefix", "removesuffix":
            let part = try requiredText(try bind(arguments, ["part"], of: name)[0], name)
            let bytes = Array(text.utf8)
            if name == "removeprefix", PythonText.starts(text, with: part) {
                return .string(PythonText.string(bytes[part.utf8.count...]))
            }
            if name == "removesuffix", PythonText.ends(text, with: part) {
                return .string(PythonText.string(bytes[..<(bytes.count - part.utf8.count)]))
            }
            return .string(text)
        default:
            _ = try bind(arguments, [], of: name)
            return plainResult(name, of: text)
        }
    }

    /// Methods without arguments.
    private func plainResult(_ name: String, of text: String) -> TemplateValue {
        let scalars = text.unicodeScalars
        func all(_ holds: (Unicode.Scalar) -> Bool) -> TemplateValue {
            .bool(!scalars.isEmpty && scalars.allSatisfy(holds))
        }
        switch name {
        case "upper": return .string(text.uppercased())
        case "lower", "casefold": return .string(text.lowercased())
        case "title": return .string(PythonText.titled(text))
        case "capitalize": return .string(PythonText.capitalized(text))
        case "swapcase":
            var result = ""
            for scalar in scalars {
                let properties = scalar.properties
                result +=
                    properties.isUppercase
                    ? properties.lowercaseMapping : properties.uppercaseMapping
            }
            return .string(result)
        case "isupper": return .bool(PythonText.hasCase(text, upper: true))
        case "islower": return .bool(PythonText.hasCase(text, upper: false))
        case "isspace": return all(\.isPythonSpace)
        case "isdecimal": return all { $0.properties.numericType == .decimal }
        case "isdigit":
            return all {
                $0.properties.numericType == .decimal || $0.properties.numericType == .digit
            }
        case "isnumeric": return all { $0.properties.numericType != nil }
        case "isalpha": return all(isLetter)
        default: return all { isLetter($0) || $0.properties.numericType != nil }
        }
    }

    private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    // MARK: Arguments

    func requiredText(
        _ value: TemplateValue?, _ function: String
    ) throws(TemplateError) -> String {
        guard let text = value?.text else {
            throw evaluationError("\(function) needs a string, not \(value?.typeName ?? "nothing")")
        }
        return text
    }

    private func optionalText(
        _ arguments: TemplateCallArguments, _ index: Int, of function: String
    ) throws(TemplateError) -> String? {
        guard arguments.keywords.isEmpty, arguments.positional.count <= index + 1 else {
            throw evaluationError("\(function) takes one argument without name")
        }
        guard index < arguments.positional.count, !arguments.positional[index].isNone else {
            return nil
        }
        return try requiredText(arguments.positional[index], function)
    }

    /// A list of texts.
    func texts(_ parts: [String]) throws(TemplateError) -> TemplateValue {
        try checkElements(parts.count)
        return .list(parts.map { .string($0) })
    }

    // MARK: Work

    private func split(
        _ text: String, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["sep", "maxsplit"], of: name)
        guard let limit = (values[1] ?? .integer(-1)).wholeNumber else {
            throw evaluationError("\(name): maxsplit must be a whole number")
        }
        let fromRight = name == "rsplit"
        guard let separator = values[0], !separator.isNone else {
            return try texts(PythonText.words(text, limit: limit, fromRight: fromRight))
        }
        let part = try requiredText(separator, name)
        guard !part.isEmpty else { throw evaluationError("\(name): the separator is empty") }
        return try texts(
            PythonText.split(text, by: part, limit: limit, fromRight: fromRight))
    }

    private func partition(
        _ text: String, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let part = try requiredText(try bind(arguments, ["sep"], of: name)[0], name)
        guard !part.isEmpty else { throw evaluationError("\(name): the separator is empty") }
        let parts = PythonText.split(text, by: part, limit: 1, fromRight: name == "rpartition")
        if parts.count == 2 {
            return .tuple([.string(parts[0]), .string(part), .string(parts[1])])
        }
        let rest = [TemplateValue.string(""), .string("")]
        return .tuple(name == "partition" ? [.string(text)] + rest : rest + [.string(text)])
    }

    private func hasEdge(
        _ text: String, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> Bool {
        guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw evaluationError("\(name) takes a string")
        }
        var text = text
        if arguments.positional.count > 1 {
            let start = arguments.positional[1].wholeNumber
            let end = arguments.positional.count > 2 ? arguments.positional[2].wholeNumber : nil
            text = try slice(.string(text), start, end, nil).text ?? ""
        }
        var parts = [arguments.positional[0]]
        if case .tuple(let several) = parts[0] { parts = several }
        for part in parts {
            let part = try requiredText(part, name)
            let holds =
                name == "startswith"
                ? PythonText.starts(text, with: part) : PythonText.ends(text, with: part)
            if holds { return true }
        }
        return false
    }

    /// `text.replace(old, new, count)` with its result bounded.
    func replacing(
        _ old: String, by new: String, in text: String, limit: TemplateValue?
    ) throws(TemplateError) -> String {
        guard let limit = (limit ?? .integer(-1)).wholeNumber else {
            throw evaluationError("replace: count must be a whole number")
        }
        // The result is not longer than one replacement at every byte and both ends.
        let most = (text.utf8.count / max(1, old.utf8.count)) + 1
        let (bytes, overflow) = most.multipliedReportingOverflow(by: new.utf8.count)
        if overflow || bytes > limits.textBytes {
            let found =
                old.isEmpty
                ? text.unicodeScalars.count + 1
                : PythonText.split(text, by: old, limit: limit).count - 1
            let (added, overflow) = found.multipliedReportingOverflow(by: new.utf8.count)
            try checkText(bytes: overflow ? Int.max / 2 : added)
        }
        return try checked(PythonText.replacing(old, by: new, in: text, limit: limit))
    }

    private func search(
        _ text: String, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> Int {
        guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw evaluationError("\(name) takes a string, a start and an end")
        }
        let part = try requiredText(arguments.positional[0], name)
        var offset = 0
        var text = text
        if arguments.positional.count > 1 {
            let total = text.unicodeScalars.count
            let start = arguments.positional[1].wholeNumber ?? 0
            offset = min(max(start < 0 ? start + total : start, 0), total)
            if start > total, name != "count" { return -1 }
            let end = arguments.positional.count > 2 ? arguments.positional[2].wholeNumber : nil
            text = try slice(.string(text), start, end, nil).text ?? ""
        }
        if name == "count" {
            if part.isEmpty { return text.unicodeScalars.count + 1 }
            return PythonText.split(text, by: part, limit: -1).count - 1
        }
        if part.isEmpty { return name == "rfind" ? offset + text.unicodeScalars.count : offset }
        let parts = PythonText.split(text, by: part, limit: 1, fromRight: name == "rfind")
        guard parts.count == 2 else {
            if name == "index" { throw evaluationError("the text is not found") }
            return -1
        }
        return offset + parts[0].unicodeScalars.count
    }

    private func padded(
        _ text: String, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(
            arguments, name == "zfill" ? ["width"] : ["width", "fillchar"], of: name)
        guard let width = values[0]?.wholeNumber else {
            throw evaluationError("\(name) needs a width")
        }
        let fill = values.count > 1 ? try requiredText(values[1] ?? .string(" "), name) : "0"
        guard fill.unicodeScalars.count == 1 else {
            throw evaluationError("\(name) fills with one character")
        }
        let missing = width - text.unicodeScalars.count
        guard missing > 0 else { return .string(text) }
        try checkText(bytes: min(missing, Int.max / 8) * 4)
        func filling(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch name {
        case "ljust": return .string(text + filling(missing))
        case "rjust": return .string(filling(missing) + text)
        case "zfill":
            if let sign = text.unicodeScalars.first, sign == "-" || sign == "+" {
                return .string(
                    String(sign) + filling(missing) + String(text.unicodeScalars.dropFirst()))
            }
            return .string(filling(missing) + text)
        default:
            // Python's center puts the odd one left when the width is odd.
            let left = missing / 2 + (missing & width & 1)
            return .string(filling(left) + text + filling(missing - left))
        }
    }

    /// Texts of values with a separator between them.
    func joined(
        _ parts: [TemplateValue], separator: String, requiresTexts: Bool = false
    ) throws(TemplateError) -> String {
        var result = ""
        for (index, part) in parts.enumerated() {
            if requiresTexts, part.text == nil {
                throw evaluationError("join needs strings, not \(part.typeName)")
            }
            let part = try text(of: part)
            try checkText(
                bytes: part.utf8.count + separator.utf8.count, appendedTo: result.utf8.count)
            if index > 0 { result += separator }
            result += part
        }
        return result
    }
}
