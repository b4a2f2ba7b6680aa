extension TemplateInterpreter {
    /// What Python's `str` gives.
    func text(of value: TemplateValue) throws(TemplateError) -> String {
        switch value {
        case .undefined: return ""
        case .string(let text), .markup(let text): return text
        case .macro(let closure): return "<Macro '\(closure.macro.name)'>"
        case .joiner(let joiner):
            if joiner.wasUsed { return try text(of: joiner.separator) }
            joiner.wasUsed = true
            return ""
        default:
            var result = ""
            try append(value, to: &result)
            return result
        }
    }

    /// What Python's `repr` gives.
    func representation(of value: TemplateValue) throws(TemplateError) -> String {
        var result = ""
        try append(value, to: &result)
        return result
    }

    private func append(_ value: TemplateValue, to result: inout String) throws(TemplateError) {
        try charge()
        switch value {
        case .undefined: result += "Undefined"
        case .none: result += "None"
        case .bool(let value): result += value ? "True" : "False"
        case .integer(let value): result += String(value)
        case .float(let value): result += PythonNumber.text(value)
        case .string(let text):
            try checkText(bytes: text.utf8.count, appendedTo: result.utf8.count)
            result += PythonText.quoted(text)
        case .markup(let text): result += "Markup(" + PythonText.quoted(text) + ")"
        case .list(let elements): try append(elements, "[", "]", to: &result)
        case .tuple(let elements):
            try append(elements, "(", elements.count == 1 ? ",)" : ")", to: &result)
        case .dictionary(let dictionary): try append(dictionary, to: &result)
        case .range(let range):
            result += "range(\(range.start), \(range.stop)"
            result += range.step == 1 ? ")" : ", \(range.step))"
        case .view(let name, let elements): try append(elements, name + "([", "])", to: &result)
        case .namespace(let namespace):
            result += "<Namespace "
            try append(namespace.attributes, to: &result)
            result += ">"
        case .loop(let loop): result += "<LoopContext \(loop.index + 1)/\(loop.elements.count)>"
        case .macro(let closure): result += "<Macro '\(closure.macro.name)'>"
        case .iterator, .function, .method, .cycler, .joiner:
            // Python prints an address here, which no template can mean.
            throw evaluationError("a \(value.typeName) cannot be printed")
        }
        guard result.utf8.count <= limits.textBytes else {
            throw .limit("a text is longer than \(limits.textBytes) bytes", line: line)
        }
    }

    private func append(
        _ elements: [TemplateValue], _ start: String, _ end: String, to result: inout String
    ) throws(TemplateError) {
        try enter()
        defer { leave() }
        result += start
        for (index, element) in elements.enumerated() {
            if index > 0 { result += ", " }
            try append(element, to: &result)
        }
        result += end
    }

    private func append(
        _ dictionary: TemplateDictionary, to result: inout String
    ) throws(TemplateError) {
        try enter()
        defer { leave() }
        result += "{"
        for index in 0..<dictionary.count {
            if index > 0 { result += ", " }
            try append(dictionary.keys[index], to: &result)
            result += ": "
            try append(dictionary.values[index], to: &result)
        }
        result += "}"
    }
}
