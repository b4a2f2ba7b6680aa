extension TemplateInterpreter {
    /// Python's `format % values`.
    func printf(_ format: String, _ values: TemplateValue) throws(TemplateError) -> String {
        var arguments: [TemplateValue]
        if case .tuple(let several) = values { arguments = several } else { arguments = [values] }
        var used = 0
        func next() throws(TemplateError) -> TemplateValue {
            guard used < arguments.count else {
                throw evaluationError("not enough values for the format")
            }
            used += 1
            return arguments[used - 1]
        }
        let scalars = Array(format.unicodeScalars)
        var result = ""
        var index = 0
        var usedNames = false
        while index < scalars.count {
            guard scalars[index] == "%" else {
                result.unicodeScalars.append(scalars[index])
                index += 1
                continue
            }
            index += 1
            var named: TemplateValue?
            if index < scalars.count, scalars[index] == "(" {
                guard let close = scalars[index...].firstIndex(of: ")"),
                    case .dictionary(let dictionary) = values
                else { throw evaluationError("the format needs a dict") }
                let name = String(String.UnicodeScalarView(scalars[(index + 1)..<close]))
                guard let member = dictionary[text: name] else {
                    throw evaluationError("the format has no value '\(name)'")
                }
                named = member
                usedNames = true
                index = close + 1
            }
            var spec = TemplateFormatSpec()
            while index < scalars.count, "-+ 0#".unicodeScalars.contains(scalars[index]) {
                switch scalars[index] {
                case "-": spec.alignment = "<"
                case "0": spec.padsWithZeros = true
                case "+", " ": spec.sign = scalars[index]
                default: break
                }
                index += 1
            }
            func number() throws(TemplateError) -> Int? {
                if index < scalars.count, scalars[index] == "*" {
                    index += 1
                    return try next().wholeNumber
                }
                var value: Int?
                while index < scalars.count, scalars[index].isDigit {
                    value = min((value ?? 0) * 10 + Int(scalars[index].value - 0x30), 1 << 32)
                    index += 1
                }
                return value
            }
            spec.width = try number() ?? 0
            if index < scalars.count, scalars[index] == "." {
                index += 1
                spec.precision = try number() ?? 0
            }
            while index < scalars.count, "hlL".unicodeScalars.contains(scalars[index]) {
                index += 1
            }
            guard index < scalars.count else { throw evaluationError("the format ends after %") }
            let kind = scalars[index]
            index += 1
            if kind == "%" {
                result += "%"
                continue
            }
            let value: TemplateValue
            if let named { value = named } else { value = try next() }
            result += try formatted(value, kind, spec)
            try checkText(bytes: 0, appendedTo: result.utf8.count)
        }
        let takesRest: Bool
        if case .tuple = values { takesRest = false } else { takesRest = usedNames }
        if used < arguments.count, !takesRest {
            if case .dictionary = values { return try checked(result) }
            throw evaluationError("more values than the format takes")
        }
        return try checked(result)
    }

    private func formatted(
        _ value: TemplateValue, _ kind: Unicode.Scalar, _ spec: TemplateFormatSpec
    ) throws(TemplateError) -> String {
        var spec = spec
        switch kind {
        case "s", "r", "a":
            spec.padsWithZeros = false
            if spec.alignment == nil { spec.alignment = ">" }
            var part = kind == "s" ? try text(of: value) : try representation(of: value)
            if let precision = spec.precision {
                part = String(part.unicodeScalars.prefix(precision))
            }
            return try padded(part, spec)
        case "d", "i", "u":
            guard let number = value.number, number.isFinite else {
                throw evaluationError("%d needs a number, not \(value.typeName)")
            }
            guard let whole = value.wholeNumber ?? Int(exactly: number.rounded(.towardZero)) else {
                throw evaluationError("%d: the number needs more than 64 bits")
            }
            return try padded(String(whole), spec)
        case "x", "X", "o":
            guard let whole = value.wholeNumber else {
                throw evaluationError("%x needs a whole number, not \(value.typeName)")
            }
            return try padded(
                String(whole, radix: kind == "o" ? 8 : 16, uppercase: kind == "X"), spec)
        case "f", "F", "e", "E", "g", "G":
            guard let number = value.number else {
                throw evaluationError("%f needs a number, not \(value.typeName)")
            }
            return try padded(
                PythonNumber.text(
                    number, style: Character(kind), precision: min(spec.precision ?? 6, 400)), spec)
        case "c":
            if let text = value.text, text.unicodeScalars.count == 1 {
                return try padded(text, spec)
            }
            guard let code = value.wholeNumber,
                let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init)
            else { throw evaluationError("%c needs one character") }
            return try padded(String(scalar), spec)
        default:
            throw evaluationError("'%\(kind)' is no format")
        }
    }

    /// A text with its sign and filled up to its width.
    private func padded(
        _ text: String, _ spec: TemplateFormatSpec
    ) throws(TemplateError) -> String {
        var sign = ""
        var digits = text
        let isNumber = spec.alignment != ">" || spec.isNumber
        if isNumber, let first = digits.unicodeScalars.first {
            if first == "-" {
                sign = "-"
                digits.removeFirst()
            } else if let wanted = spec.sign, wanted != "-", first.isDigit {
                sign = String(wanted)
            }
        }
        let missing = spec.width - sign.unicodeScalars.count - digits.unicodeScalars.count
        guard missing > 0 else { return sign + digits }
        try checkText(bytes: missing * 4)
        func filling(_ count: Int) -> String { String(repeating: String(spec.fill), count: count) }
        if spec.padsWithZeros, spec.alignment == nil || spec.alignment == "=" {
            return sign + String(repeating: "0", count: missing) + digits
        }
        switch spec.alignment {
        case "<": return sign + digits + filling(missing)
        case "^": return filling(missing / 2) + sign + digits + filling(missing - missing / 2)
        case "=": return sign + filling(missing) + digits
        default: return filling(missing) + sign + digits
        }
    }

    // MARK: str.format

    /// Python's `text.format(…)`.
    func format(
        _ text: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        var index = 0
        var automatic = 0
        while index < scalars.count {
            let scalar = scalars[index]
            guard scalar == "{" || scalar == "}" else {
                result.unicodeScalars.append(scalar)
                index += 1
                continue
            }
            if index + 1 < scalars.count, scalars[index + 1] == scalar {
                result.unicodeScalars.append(scalar)
                index += 2
                continue
            }
            guard scalar == "{", let close = scalars[index...].firstIndex(of: "}") else {
                throw evaluationError("format: a single brace")
            }
            let field = Array(scalars[(index + 1)..<close])
            guard !field.contains("{") else {
                throw evaluationError("format: fields inside of fields are not supported")
            }
            result += try formatted(field, arguments, &automatic)
            try checkText(bytes: 0, appendedTo: result.utf8.count)
            index = close + 1
        }
        return try checked(result)
    }

    private func formatted(
        _ field: [Unicode.Scalar], _ arguments: TemplateCallArguments, _ automatic: inout Int
    ) throws(TemplateError) -> String {
        func string(_ part: ArraySlice<Unicode.Scalar>) -> String {
            String(String.UnicodeScalarView(part))
        }
        let colon = field.firstIndex(of: ":") ?? field.count
        let bang = field[..<colon].lastIndex(of: "!") ?? colon
        let path = Array(field[..<bang])
        let nameEnd = path.firstIndex { $0 == "." || $0 == "[" } ?? path.count
        let name = string(path[..<nameEnd])
        var value: TemplateValue
        if name.isEmpty || Int(name) != nil {
            let position = Int(name) ?? automatic
            if name.isEmpty { automatic += 1 }
            guard arguments.positional.indices.contains(position) else {
                throw evaluationError("format: there is no value \(position)")
            }
            value = arguments.positional[position]
        } else {
            guard let found = arguments.keywords.first(where: { $0.name == name }) else {
                throw evaluationError("format: there is no value '\(name)'")
            }
            value = found.value
        }
        var index = nameEnd
        while index < path.count {
            let isAttribute = path[index] == "."
            let rest = path[(index + 1)...]
            let end =
                isAttribute
                ? rest.firstIndex { $0 == "." || $0 == "[" } ?? path.count
                : rest.firstIndex(of: "]") ?? path.count
            let part = string(path[(index + 1)..<end])
            if isAttribute {
                value = try attribute(part, of: value)
            } else {
                value = try item(Int(part).map { .integer($0) } ?? .string(part), of: value)
            }
            index = isAttribute ? end : end + 1
        }
        if bang < colon {
            let conversion = string(field[(bang + 1)..<colon])
            guard conversion == "r" || conversion == "s" else {
                throw evaluationError("format: '!\(conversion)' is no conversion")
            }
            value = .string(
                conversion == "r" ? try representation(of: value) : try text(of: value))
        }
        guard colon + 1 < field.count else { return try text(of: value) }
        return try formatted(value, spec: Array(field[(colon + 1)...]))
    }

    private func formatted(
        _ value: TemplateValue, spec scalars: [Unicode.Scalar]
    ) throws(TemplateError) -> String {
        guard let (spec, kind) = TemplateFormatSpec.parse(scalars) else {
            throw evaluationError("format: the format of a field is not understood")
        }
        var layout = spec
        if value.text != nil {
            guard kind == nil || kind == "s" else {
                throw evaluationError("format: a string cannot be written as '\(kind ?? "s")'")
            }
            layout.padsWithZeros = false
            layout.alignment = spec.alignment ?? "<"
            layout.isNumber = false
            layout.sign = nil
            let text = value.text ?? ""
            let cut = spec.precision.map { String(text.unicodeScalars.prefix($0)) } ?? text
            // A text is never taken apart into sign and digits.
            let missing = layout.width - cut.unicodeScalars.count
            guard missing > 0 else { return cut }
            try checkText(bytes: missing * 4)
            let fill = String(layout.fill)
            switch layout.alignment {
            case ">": return String(repeating: fill, count: missing) + cut
            case "^":
                return String(repeating: fill, count: missing / 2) + cut
                    + String(repeating: fill, count: missing - missing / 2)
            default: return cut + String(repeating: fill, count: missing)
            }
        }
        layout.isNumber = true
        if kind == nil || kind == "d" || kind == "n", let whole = value.wholeNumber {
            if kind == nil, case .bool = value { return try text(of: value) }
            return try padded(grouped(String(whole), spec), layout)
        }
        if let whole = value.wholeNumber, let radix = ["x": 16, "X": 16, "o": 8, "b": 2][kind] {
            return try padded(String(whole, radix: radix, uppercase: kind == "X"), layout)
        }
        guard let number = value.number, kind != "d", kind != "s" else {
            throw evaluationError("format: a \(value.typeName) has no such format")
        }
        if kind == "%" {
            let text = PythonNumber.text(
                number * 100, style: "f", precision: min(spec.precision ?? 6, 400))
            return try padded(text + "%", layout)
        }
        if kind == nil, spec.precision == nil {
            return try padded(grouped(PythonNumber.text(number), spec), layout)
        }
        let text = PythonNumber.text(
            number, style: Character(kind ?? "g"), precision: min(spec.precision ?? 6, 400))
        return try padded(grouped(text, spec), layout)
    }

    /// Digits before the point in groups of three.
    private func grouped(_ text: String, _ spec: TemplateFormatSpec) -> String {
        guard let separator = spec.grouping else { return text }
        let sign = text.hasPrefix("-") ? "-" : ""
        let unsigned = text.dropFirst(sign.count)
        let whole = unsigned.prefix { $0.isNumber }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) {
                result.unicodeScalars.append(separator)
            }
            result.append(digit)
        }
        return sign + result + unsigned.dropFirst(whole.count)
    }
}

/// How a field of a format is laid out.
struct TemplateFormatSpec {
    var fill: Unicode.Scalar = " "
    var alignment: Unicode.Scalar?
    var sign: Unicode.Scalar?
    var padsWithZeros = false
    var width = 0
    var grouping: Unicode.Scalar?
    var precision: Int?
    var isNumber = false

    /// Reads `[[fill]align][sign][0][width][,][.precision][type]`.
    static func parse(
        _ scalars: [Unicode.Scalar]
    ) -> (spec: TemplateFormatSpec, kind: Unicode.Scalar?)? {
        var spec = TemplateFormatSpec()
        var index = 0
        func isAlignment(_ position: Int) -> Bool {
            position < scalars.count && "<>=^".unicodeScalars.contains(scalars[position])
        }
        func number() -> Int? {
            var value: Int?
            while index < scalars.count, scalars[index].isDigit {
                value = min((value ?? 0) * 10 + Int(scalars[index].value - 0x30), 1 << 32)
                index += 1
            }
            return value
        }
        if isAlignment(1) {
            spec.fill = scalars[0]
            spec.alignment = scalars[1]
            index = 2
        } else if isAlignment(0) {
            spec.alignment = scalars[0]
            index = 1
        }
        if index < scalars.count, "+- ".unicodeScalars.contains(scalars[index]) {
            spec.sign = scalars[index]
            index += 1
        }
        if index < scalars.count, scalars[index] == "0" {
            spec.padsWithZeros = true
            index += 1
        }
        spec.width = number() ?? 0
        if index < scalars.count, scalars[index] == "," || scalars[index] == "_" {
            spec.grouping = scalars[index]
            index += 1
        }
        if index < scalars.count, scalars[index] == "." {
            index += 1
            guard let precision = number() else { return nil }
            spec.precision = precision
        }
        guard index < scalars.count else { return (spec, nil) }
        let kind = scalars[index]
        guard index == scalars.count - 1, "sdnxXobeEfFgG%".unicodeScalars.contains(kind) else {
            return nil
        }
        return (spec, kind)
    }
}

extension [Unicode.Scalar: Int] {
    /// The value of a key that may be absent.
    fileprivate subscript(key: Unicode.Scalar?) -> Int? { key.flatMap { self[$0] } }
}
