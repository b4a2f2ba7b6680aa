import Foundation

extension TemplateInterpreter {
    // MARK: Arithmetic

    /// `-value`.
    func negated(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .float(let number) = value { return .float(-number) }
        guard let number = value.wholeNumber else { throw unsuitable("-", value) }
        let (result, overflow) = 0.subtractingReportingOverflow(number)
        guard !overflow else { throw tooBig("-") }
        return .integer(result)
    }

    /// `+value`.
    func positive(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        if case .float = value { return value }
        guard let number = value.wholeNumber else { throw unsuitable("+", value) }
        return .integer(number)
    }

    /// `left operation right` for `+ - * / // % **`.
    func arithmetic(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let reason) = left { throw evaluationError(reason) }
        if case .undefined(let reason) = right, left.text == nil || operation != "%" {
            throw evaluationError(reason)
        }
        if let left = left.wholeNumber, let right = right.wholeNumber {
            return try integers(left, operation, right)
        }
        if let left = left.number, let right = right.number {
            return try floats(left, operation, right)
        }
        switch operation {
        case "+": return try sum(left, right)
        case "*":
            if let count = right.wholeNumber { return try repeated(left, count) }
            if let count = left.wholeNumber { return try repeated(right, count) }
        case "%":
            if let format = left.text { return .string(try printf(format, right)) }
        default: break
        }
        throw evaluationError(
            "'\(operation)' has no meaning for \(left.typeName) and \(right.typeName)")
    }

    private func unsuitable(_ operation: String, _ value: TemplateValue) -> TemplateError {
        if case .undefined(let reason) = value { return evaluationError(reason) }
        return evaluationError("'\(operation)' has no meaning for \(value.typeName)")
    }

    private func tooBig(_ operation: String) -> TemplateError {
        evaluationError("the result of '\(operation)' needs more than 64 bits")
    }

    private func integers(
        _ left: Int, _ operation: String, _ right: Int
    ) throws(TemplateError) -> TemplateValue {
        let result: (partialValue: Int, overflow: Bool)
        switch operation {
        case "+": result = left.addingReportingOverflow(right)
        case "-": result = left.subtractingReportingOverflow(right)
        case "*": result = left.multipliedReportingOverflow(by: right)
        case "**":
            guard right >= 0 else { return try floats(Double(left), "**", Double(right)) }
            return .integer(try power(left, right))
        default:
            guard right != 0 else { throw evaluationError("division by zero") }
            switch operation {
            case "/": return .float(Double(left) / Double(right))
            case "//":
                guard let quotient = PythonNumber.floorQuotient(left, by: right) else {
                    throw tooBig("//")
                }
                return .integer(quotient)
            default: return .integer(PythonNumber.remainder(left, by: right))
            }
        }
        guard !result.overflow else { throw tooBig(operation) }
        return .integer(result.partialValue)
    }

    private func power(_ base: Int, _ exponent: Int) throws(TemplateError) -> Int {
        if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
        if base == -1 { return exponent.isMultiple(of: 2) ? 1 : -1 }
        guard exponent < 64 else { throw tooBig("**") }
        var result = 1
        for _ in 0..<exponent {
            let (next, overflow) = result.multipliedReportingOverflow(by: base)
            guard !overflow else { throw tooBig("**") }
            result = next
        }
        return result
    }

    private func floats(
        _ left: Double, _ operation: String, _ right: Double
    ) throws(TemplateError) -> TemplateValue {
        switch operation {
        case "+": return .float(left + right)
        case "-": return .float(left - right)
        case "*": return .float(left * right)
        case "**":
            if left == 0, right < 0 { throw evaluationError("0 has no negative power") }
            let result = pow(left, right)
            if result.isNaN, !left.isNaN, !right.isNaN {
                throw evaluationError("a negative number has no such power here")
            }
            if result.isInfinite, left.isFinite, right.isFinite { throw tooBig("**") }
            return .float(result)
        default:
            guard right != 0 else { throw evaluationError("division by zero") }
            switch operation {
            case "/": return .float(left / right)
            case "//":
                let remainder = PythonNumber.remainder(left, by: right)
                return .float(((left - remainder) / right).rounded())
            default: return .float(PythonNumber.remainder(left, by: right))
            }
        }
    }

    /// `left + right` of texts and lists.
    func sum(
        _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            try checkText(bytes: left.utf8.count + right.utf8.count)
            return .string(left + right)
        case (.markup(let left), .markup(let right)): return .markup(try checked(left + right))
        case (.markup(let left), .string(let right)):
            return .markup(try checked(left + PythonText.htmlEscaped(right)))
        case (.string(let left), .markup(let right)):
            return .markup(try checked(PythonText.htmlEscaped(left) + right))
        case (.list(let left), .list(let right)):
            try checkElements(left.count + right.count)
            return .list(left + right)
        case (.tuple(let left), .tuple(let right)):
            try checkElements(left.count + right.count)
            return .tuple(left + right)
        default:
            throw evaluationError("'+' has no meaning for \(left.typeName) and \(right.typeName)")
        }
    }

    private func repeated(
        _ value: TemplateValue, _ count: Int
    ) throws(TemplateError) -> TemplateValue {
        let count = max(0, count)
        switch value {
        case .string(let text), .markup(let text):
            let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
            try checkText(bytes: overflow ? Int.max / 2 : bytes)
            let result = text.isEmpty ? "" : String(repeating: text, count: count)
            if case .markup = value { return .markup(result) }
            return .string(result)
        case .list(let elements), .tuple(let elements):
            let (total, overflow) = elements.count.multipliedReportingOverflow(by: count)
            try checkElements(overflow ? Int.max / 2 : total)
            let result =
                elements.isEmpty
                ? [] : Array(repeatElement(elements, count: count).joined())
            if case .tuple = value { return .tuple(result) }
            return .list(result)
        default:
            throw evaluationError("'*' has no meaning for \(value.typeName) and int")
        }
    }

    // MARK: Comparison

    /// `left operation right` for `== != < <= > >= in` and `not in`.
    func compare(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch operation {
        case "==": return try equals(left, right)
        case "!=": return !(try equals(left, right))
        case "in": return try contains(right, left)
        case "not in": return !(try contains(right, left))
        case "<": return try isOrdered(left, right, strictly: true, operation)
        case "<=": return try isOrdered(left, right, strictly: false, operation)
        case ">": return try isOrdered(right, left, strictly: true, operation)
        default: return try isOrdered(right, left, strictly: false, operation)
        }
    }

    /// Python's `==`.
    func equals(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        if let left = left.text, let right = right.text {
            try charge(left.utf8.count / 64)
            return left.utf8.elementsEqual(right.utf8)
        }
        if let left = left.wholeNumber, let right = right.wholeNumber { return left == right }
        if let left = left.number, let right = right.number { return left == right }
        switch (left, right) {
        case (.none, .none), (.undefined, .undefined): return true
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return try equals(left, right)
        case (.dictionary(let left), .dictionary(let right)):
            guard left.count == right.count else { return false }
            for (name, value) in zip(left.keys, left.values) {
                guard let key = TemplateKey(name), let other = right[key],
                    try equals(value, other)
                else { return false }
            }
            return true
        case (.range(let left), .range(let right)):
            return try equals(left.elements, right.elements)
        case (.namespace(let left), .namespace(let right)): return left === right
        case (.loop(let left), .loop(let right)): return left === right
        case (.macro(let left), .macro(let right)): return left === right
        case (.function(let left), .function(let right)): return left == right
        default: return false
        }
    }

    private func equals(
        _ left: [TemplateValue], _ right: [TemplateValue]
    ) throws(TemplateError) -> Bool {
        guard left.count == right.count else { return false }
        try enter()
        defer { leave() }
        for (left, right) in zip(left, right) {
            try charge()
            guard try equals(left, right) else { return false }
        }
        return true
    }

    private func isOrdered(
        _ left: TemplateValue, _ right: TemplateValue, strictly: Bool, _ operation: String
    ) throws(TemplateError) -> Bool {
        if let left = left.wholeNumber, let right = right.wholeNumber {
            return strictly ? left < right : left <= right
        }
        if let left = left.number, let right = right.number {
            return strictly ? left < right : left <= right
        }
        return strictly
            ? try precedes(left, right, operation) : !(try precedes(right, left, operation))
    }

    /// Python's `<`.
    func precedes(
        _ left: TemplateValue, _ right: TemplateValue, _ operation: String = "<"
    ) throws(TemplateError) -> Bool {
        try charge()
        if let left = left.text, let right = right.text {
            try charge(left.utf8.count / 64)
            return left.utf8.lexicographicallyPrecedes(right.utf8)
        }
        if let left = left.wholeNumber, let right = right.wholeNumber { return left < right }
        if let left = left.number, let right = right.number { return left < right }
        switch (left, right) {
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            try enter()
            defer { leave() }
            for (left, right) in zip(left, right) where !(try equals(left, right)) {
                return try precedes(left, right, operation)
            }
            return left.count < right.count
        case (.undefined(let reason), _), (_, .undefined(let reason)):
            throw evaluationError(reason)
        default:
            throw evaluationError(
                "'\(operation)' has no meaning for \(left.typeName) and \(right.typeName)")
        }
    }

    /// Python's `element in container`.
    func contains(
        _ container: TemplateValue, _ element: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch container {
        case .string(let text), .markup(let text):
            guard let part = element.text else {
                throw evaluationError("only a string can be in a string, not \(element.typeName)")
            }
            try charge(text.utf8.count / 16)
            return PythonText.contains(part, in: text)
        case .dictionary(let dictionary):
            if element.isUndefined { return false }
            return dictionary[try key(element)] != nil
        case .namespace, .macro, .function, .method, .cycler, .joiner:
            throw evaluationError("nothing can be in a \(container.typeName)")
        default:
            for other in try elements(of: container) {
                try charge()
                if try equals(element, other) { return true }
            }
            return false
        }
    }
}
