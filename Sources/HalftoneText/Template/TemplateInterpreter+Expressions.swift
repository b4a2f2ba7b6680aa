/// The arguments of a call, evaluated.
struct TemplateCallArguments {
    var positional: [TemplateValue] = []
    var keywords: [(name: String, value: TemplateValue)] = []
}

extension TemplateInterpreter {
    /// The value of an expression.
    func evaluate(
        _ expression: TemplateExpression, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        try charge()
        switch expression {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .float(let value): return .float(value)
        case .string(let value): return .string(value)
        case .name(let name): return lookUp(name, scope)
        default: break
        }
        try enter()
        defer { leave() }
        switch expression {
        case .list(let elements): return .list(try evaluate(elements, scope))
        case .tuple(let elements): return .tuple(try evaluate(elements, scope))
        case .dictionary(let members): return try evaluate(members, scope)
        case .attribute(let owner, let name):
            return try attribute(name, of: try evaluate(owner, scope))
        case .item(let owner, let index):
            return try item(try evaluate(index, scope), of: try evaluate(owner, scope))
        case .slice(let owner, let start, let end, let step):
            return try evaluateSlice(owner, start, end, step, scope)
        case .call(let callee, let arguments):
            return try call(try evaluate(callee, scope), try evaluate(arguments, scope))
        case .filter(let input, let name, let arguments):
            return try filter(
                try evaluate(input, scope), name, try evaluate(arguments, scope))
        case .test(let input, let name, let arguments, let negated):
            let holds = try test(
                try evaluate(input, scope), name, try evaluate(arguments, scope))
            return .bool(holds != negated)
        case .not(let operand): return .bool(!(try evaluate(operand, scope).isTrue))
        case .negative(let operand): return try negated(try evaluate(operand, scope))
        case .positive(let operand): return try positive(try evaluate(operand, scope))
        case .arithmetic(let first, let rest):
            var value = try evaluate(first, scope)
            for (operation, operand) in rest {
                value = try arithmetic(value, operation, try evaluate(operand, scope))
            }
            return value
        case .concatenation(let operands): return try evaluateConcatenation(operands, scope)
        case .comparison(let first, let rest): return try evaluateComparison(first, rest, scope)
        case .and(let operands): return try evaluateLogic(operands, stopsAt: false, scope)
        case .or(let operands): return try evaluateLogic(operands, stopsAt: true, scope)
        case .conditional(let test, let value, let otherwise):
            if try evaluate(test, scope).isTrue { return try evaluate(value, scope) }
            guard let otherwise else {
                return .undefined("the inline if has no else and its condition is false")
            }
            return try evaluate(otherwise, scope)
        default: return .none
        }
    }

    private func lookUp(_ name: String, _ scope: TemplateScope) -> TemplateValue {
        if let value = scope[name] { return value }
        if TemplateInterpreter.functions.contains(name) { return .function(name) }
        return .undefined("'\(name)' is undefined")
    }

    private func evaluate(
        _ expressions: [TemplateExpression], _ scope: TemplateScope
    ) throws(TemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression, scope)) }
        return values
    }

    private func evaluate(
        _ members: [(key: TemplateExpression, value: TemplateExpression)], _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var dictionary = TemplateDictionary()
        for member in members {
            let name = try evaluate(member.key, scope)
            let value = try evaluate(member.value, scope)
            dictionary.insert(value, for: name, key: try key(name))
        }
        return .dictionary(dictionary)
    }

    /// The key that a value is in a dictionary.
    func key(_ value: TemplateValue) throws(TemplateError) -> TemplateKey {
        guard let key = TemplateKey(value) else {
            throw evaluationError("a \(value.typeName) cannot be the key of a dict")
        }
        return key
    }

    /// The arguments of a call with `*` and `**` spread out.
    func evaluate(
        _ arguments: TemplateArguments, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateCallArguments {
        var evaluated = TemplateCallArguments()
        evaluated.positional = try evaluate(arguments.positional, scope)
        for keyword in arguments.keywords {
            evaluated.keywords.append((keyword.name, try evaluate(keyword.value, scope)))
        }
        if let list = arguments.spreadList {
            evaluated.positional += try elements(of: try evaluate(list, scope))
        }
        if let spread = arguments.spreadDictionary {
            guard case .dictionary(let dictionary) = try evaluate(spread, scope) else {
                throw evaluationError("** needs a dict")
            }
            for (key, value) in zip(dictionary.keys, dictionary.values) {
                guard let name = key.text else {
                    throw evaluationError("the names of arguments are strings")
                }
                evaluated.keywords.append((name, value))
            }
        }
        return evaluated
    }

    private func evaluateSlice(
        _ owner: TemplateExpression, _ start: TemplateExpression?, _ end: TemplateExpression?,
        _ step: TemplateExpression?, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        let value = try evaluate(owner, scope)
        var bounds: [Int?] = []
        for bound in [start, end, step] {
            guard let bound else {
                bounds.append(nil)
                continue
            }
            let evaluated = try evaluate(bound, scope)
            if evaluated.isNone {
                bounds.append(nil)
            } else if let index = evaluated.wholeNumber {
                bounds.append(index)
            } else {
                // Python's TypeError of a subscript ends as an undefined value.
                return .undefined("\(value.typeName) has no such slice")
            }
        }
        return try slice(value, bounds[0], bounds[1], bounds[2])
    }

    private func evaluateConcatenation(
        _ operands: [TemplateExpression], _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var result = ""
        for operand in operands {
            let part = try text(of: try evaluate(operand, scope))
            try checkText(bytes: part.utf8.count, appendedTo: result.utf8.count)
            result += part
        }
        return .string(result)
    }

    private func evaluateComparison(
        _ first: TemplateExpression,
        _ rest: [(operation: String, operand: TemplateExpression)], _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var left = try evaluate(first, scope)
        for (operation, operand) in rest {
            let right = try evaluate(operand, scope)
            guard try compare(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    /// `and` and `or`, which give the operand that decided.
    private func evaluateLogic(
        _ operands: [TemplateExpression], stopsAt truth: Bool, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var value = TemplateValue.none
        for operand in operands {
            value = try evaluate(operand, scope)
            if value.isTrue == truth { return value }
        }
        return value
    }
}
