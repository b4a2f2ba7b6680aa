extension TemplateInterpreter {
    /// The elements that Python would walk through.
    func elements(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .list(let elements), .tuple(let elements), .view(_, let elements): return elements
        case .dictionary(let dictionary): return dictionary.keys
        case .range(let range):
            try checkElements(range.count)
            return range.elements
        case .iterator(let iterator): return iterator.takeAll()
        case .string(let text), .markup(let text):
            let scalars = text.unicodeScalars
            try charge(scalars.count)
            guard scalars.count <= limits.textBytes / 16 else {
                throw .limit("a text of \(scalars.count) characters is taken apart", line: line)
            }
            return scalars.map { .string(String($0)) }
        default:
            throw evaluationError("a \(value.typeName) has no elements")
        }
    }

    /// `value[index]`.
    func item(
        _ index: TemplateValue, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        switch value {
        case .undefined(let reason): throw evaluationError(reason)
        case .dictionary(let dictionary):
            if let key = TemplateKey(index), let member = dictionary[key] { return member }
        case .list(let elements), .tuple(let elements):
            if let position = index.wholeNumber {
                let absolute = position < 0 ? position + elements.count : position
                if elements.indices.contains(absolute) { return elements[absolute] }
                return .undefined("\(value.typeName) has no element \(position)")
            }
        case .range(let range):
            if let position = index.wholeNumber {
                let absolute = position < 0 ? position + range.count : position
                guard absolute >= 0, absolute < range.count else {
                    return .undefined("range has no element \(position)")
                }
                return .integer(range.start + absolute * range.step)
            }
        case .string(let text), .markup(let text):
            if let position = index.wholeNumber {
                try charge(text.utf8.count / 16)
                let scalars = Array(text.unicodeScalars)
                let absolute = position < 0 ? position + scalars.count : position
                guard scalars.indices.contains(absolute) else {
                    return .undefined("str has no element \(position)")
                }
                return .string(String(scalars[absolute]))
            }
        default: break
        }
        if let name = index.text, let found = try member(name, of: value) { return found }
        return .undefined("'\(value.typeName)' has no member \(try representation(of: index))")
    }

    /// `value.name`.
    func attribute(
        _ name: String, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let reason) = value { throw evaluationError(reason) }
        if let found = try member(name, of: value) { return found }
        if case .dictionary(let dictionary) = value, let found = dictionary[text: name] {
            return found
        }
        return .undefined("'\(value.typeName)' has no attribute '\(name)'")
    }

    /// `value[start:end:step]`.
    func slice(
        _ value: TemplateValue, _ start: Int?, _ end: Int?, _ step: Int?
    ) throws(TemplateError) -> TemplateValue {
        let step = step ?? 1
        guard step != 0 else { throw evaluationError("the step of a slice cannot be 0") }
        func positions(_ count: Int) -> [Int] {
            func clamped(_ bound: Int, _ low: Int, _ high: Int) -> Int {
                min(max(bound < 0 ? bound + count : bound, low), high)
            }
            var result: [Int] = []
            if step > 0 {
                var index = clamped(start ?? 0, 0, count)
                let last = clamped(end ?? count, 0, count)
                while index < last {
                    result.append(index)
                    let (next, overflow) = index.addingReportingOverflow(step)
                    if overflow { break }
                    index = next
                }
            } else {
                var index = start.map { clamped($0, -1, count - 1) } ?? count - 1
                let last = end.map { clamped($0, -1, count - 1) } ?? -1
                while index > last {
                    result.append(index)
                    let (next, overflow) = index.addingReportingOverflow(step)
                    if overflow { break }
                    index = next
                }
            }
            return result
        }
        switch value {
        case .undefined(let reason): throw evaluationError(reason)
        case .list(let elements):
            try checkElements(elements.count)
            return .list(positions(elements.count).map { elements[$0] })
        case .tuple(let elements):
            try checkElements(elements.count)
            return .tuple(positions(elements.count).map { elements[$0] })
        case .range(let range):
            let elements = range.elements
            return .list(positions(elements.count).map { elements[$0] })
        case .string(let text), .markup(let text):
            try checkText(bytes: text.utf8.count)
            let scalars = Array(text.unicodeScalars)
            var result = String.UnicodeScalarView()
            for position in positions(scalars.count) { result.append(scalars[position]) }
            if case .markup = value { return .markup(String(result)) }
            return .string(String(result))
        default:
            return .undefined("'\(value.typeName)' has no slices")
        }
    }
}
