extension TemplateInterpreter {
    /// The names of all tests, for the test `test`.
    static let tests: Set<String> = [
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true",
        "false", "mapping", "sequence", "iterable", "callable", "sameas", "escaped", "even", "odd",
        "divisibleby", "lower", "upper", "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan",
        "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">=", "filter", "test",
    ]

    /// Whether `value is name(arguments)`.
    func test(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> Bool {
        try charge()
        switch name {
        case "in", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt",
            "greaterthan", ">", "ge", ">=", "sameas", "divisibleby":
            guard let other = try bind(arguments, ["other"], of: name)[0] else {
                throw evaluationError("the test '\(name)' needs a value to compare with")
            }
            return try relation(value, name, other)
        default:
            _ = try bind(arguments, [], of: name)
            return try property(value, name)
        }
    }

    private func relation(
        _ value: TemplateValue, _ name: String, _ other: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch name {
        case "in": return try contains(other, value)
        case "eq", "equalto", "==": return try equals(value, other)
        case "ne", "!=": return !(try equals(value, other))
        case "lt", "lessthan", "<": return try compare(value, "<", other)
        case "le", "<=": return try compare(value, "<=", other)
        case "gt", "greaterthan", ">": return try compare(value, ">", other)
        case "ge", ">=": return try compare(value, ">=", other)
        case "divisibleby":
            let remainder = try arithmetic(value, "%", other)
            return try equals(remainder, .integer(0))
        default:
            // Identity of small values is equality of the same type.
            guard value.typeName == other.typeName else { return false }
            return try equals(value, other)
        }
    }

    private func property(
        _ value: TemplateValue, _ name: String
    ) throws(TemplateError) -> Bool {
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none": return value.isNone
        case "string": return value.text != nil
        case "number": return value.number != nil
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .float = value { return true } else { return false }
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "mapping": if case .dictionary = value { return true } else { return false }
        case "sequence":
            switch value {
            case .undefined, .string, .markup, .list, .tuple, .dictionary, .range: return true
            default: return false
            }
        case "iterable":
            switch value {
            case .undefined, .string, .markup, .list, .tuple, .dictionary, .range, .view,
                .iterator, .loop:
                return true
            default: return false
            }
        case "callable":
            switch value {
            case .undefined, .macro, .function, .method, .joiner, .loop: return true
            default: return false
            }
        case "escaped": if case .markup = value { return true } else { return false }
        case "even": return try equals(try arithmetic(value, "%", .integer(2)), .integer(0))
        case "odd": return try equals(try arithmetic(value, "%", .integer(2)), .integer(1))
        case "lower": return PythonText.hasCase(try text(of: value), upper: false)
        case "upper": return PythonText.hasCase(try text(of: value), upper: true)
        case "filter": return value.text.map(Self.filters.contains) ?? false
        case "test": return value.text.map(Self.tests.contains) ?? false
        default: throw evaluationError("there is no test '\(name)'")
        }
    }
}
