extension TemplateParser {
    /// Parses an expression or, when commas follow, a tuple without parentheses.
    mutating func parseTuple(
        withConditional: Bool = true, endingAtName: String? = nil, inParentheses: Bool = false
    ) throws(TemplateError) -> TemplateExpression {
        var elements: [TemplateExpression] = []
        var isTuple = false
        while true {
            if !elements.isEmpty { try expect(.symbol(",")) }
            if endsTuple(endingAtName) { break }
            elements.append(
                withConditional ? try parseExpression() : try parseOr())
            guard isSymbol(",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let first = elements.first { return first }
            if !inParentheses {
                throw .syntax("an expression expected, found \(tokens[position].name)", line: line)
            }
        }
        return .tuple(elements)
    }

    private func endsTuple(_ name: String?) -> Bool {
        switch tokens[position].kind {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name(let found): found == name
        default: false
        }
    }

    /// Parses an expression with `if … else` at its end.
    mutating func parseExpression() throws(TemplateError) -> TemplateExpression {
        try enter()
        defer { depth -= 1 }
        var value = try parseOr()
        var count = 0
        while skipName("if") {
            count += 1
            guard depth + count <= limits.depth else {
                throw .limit("conditions nest deeper than \(limits.depth)", line: line)
            }
            let test = try parseOr()
            let otherwise = skipName("else") ? try parseExpression() : nil
            value = .conditional(test, then: value, otherwise: otherwise)
        }
        return value
    }

    mutating func parseOr() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseAnd()]
        while skipName("or") { operands.append(try parseAnd()) }
        return operands.count == 1 ? operands[0] : .or(operands)
    }

    private mutating func parseAnd() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseNot()]
        while skipName("and") { operands.append(try parseNot()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func parseNot() throws(TemplateError) -> TemplateExpression {
        guard isName("not") else { return try parseComparison() }
        position += 1
        try enter()
        defer { depth -= 1 }
        return .not(try parseNot())
    }

    private mutating func parseComparison() throws(TemplateError) -> TemplateExpression {
        let first = try parseSum()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while true {
            switch tokens[position].kind {
            case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
                position += 1
                rest.append((symbol, try parseSum()))
            case .name("in"):
                position += 1
                rest.append(("in", try parseSum()))
            case .name("not") where tokens[position + 1].kind == .name("in"):
                position += 2
                rest.append(("not in", try parseSum()))
            default:
                return rest.isEmpty ? first : .comparison(first, rest)
            }
        }
    }

    private mutating func parseSum() throws(TemplateError) -> TemplateExpression {
        let first = try parseConcatenation()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while case .symbol(let symbol) = tokens[position].kind, symbol == "+" || symbol == "-" {
            position += 1
            rest.append((symbol, try parseConcatenation()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parseConcatenation() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseProduct()]
        while skip("~") { operands.append(try parseProduct()) }
        return operands.count == 1 ? operands[0] : .concatenation(operands)
    }

    private mutating func parseProduct() throws(TemplateError) -> TemplateExpression {
        let first = try parsePower()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while case .symbol(let symbol) = tokens[position].kind,
            ["*", "/", "//", "%"].contains(symbol)
        {
            position += 1
            rest.append((symbol, try parsePower()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parsePower() throws(TemplateError) -> TemplateExpression {
        let first = try parseUnary()
        var rest: [(operation: String, operand: TemplateExpression)] = []
        while skip("**") { rest.append(("**", try parseUnary())) }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parseUnary(
        withFilters: Bool = true
    ) throws(TemplateError) -> TemplateExpression {
        try enter()
        defer { depth -= 1 }
        var value: TemplateExpression
        if skip("-") {
            value = .negative(try parseUnary(withFilters: false))
        } else if skip("+") {
            value = .positive(try parseUnary(withFilters: false))
        } else {
            value = try parsePrimary()
        }
        return try parsePostfix(value, withFilters: withFilters)
    }

    /// Parses what follows a value: `.name`, `[…]`, `(…)` and, if allowed, `| filter`, `is test`.
    private mutating func parsePostfix(
        _ value: TemplateExpression, withFilters: Bool
    ) throws(TemplateError) -> TemplateExpression {
        var value = value
        var count = 0
        // After the first filter or test, subscripts are no longer read by Jinja.
        var sawFilter = false
        while true {
            count += 1
            guard depth + count <= limits.depth else {
                throw .limit("a chain is longer than \(limits.depth)", line: line)
            }
            if !sawFilter, skip(".") {
                switch tokens[position].kind {
                case .name(let name): value = .attribute(value, name)
                case .integer(let index): value = .item(value, .integer(index))
                default: throw .syntax("a name expected after '.'", line: line)
                }
                position += 1
            } else if !sawFilter, skip("[") {
                value = try parseSubscript(value)
            } else if isSymbol("(") {
                value = .call(value, try parseArguments())
            } else if withFilters, skip("|") {
                sawFilter = true
                let name = try parseDottedName()
                let arguments = isSymbol("(") ? try parseArguments() : TemplateArguments()
                value = .filter(value, name, arguments)
            } else if withFilters, isName("is") {
                sawFilter = true
                value = try parseTest(value)
            } else {
                return value
            }
        }
    }

    private mutating func parseTest(
        _ value: TemplateExpression
    ) throws(TemplateError) -> TemplateExpression {
        position += 1
        let negated = skipName("not")
        let name = try parseDottedName()
        var arguments = TemplateArguments()
        if isSymbol("(") {
            arguments = try parseArguments()
        } else if startsTestArgument {
            if isName("is") { throw .syntax("tests cannot be chained with 'is'", line: line) }
            let argument = try parsePrimary()
            arguments.positional = [try parsePostfix(argument, withFilters: false)]
        }
        return .test(value, name, arguments, negated: negated)
    }

    private var startsTestArgument: Bool {
        switch tokens[position].kind {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .string, .integer, .float, .symbol("("), .symbol("["), .symbol("{"): true
        default: false
        }
    }

    private mutating func parseSubscript(
        _ value: TemplateExpression
    ) throws(TemplateError) -> TemplateExpression {
        var indices: [TemplateExpression] = []
        while !isSymbol("]") {
            if !indices.isEmpty { try expect(.symbol(",")) }
            var bounds: [TemplateExpression?] = [isSymbol(":") ? nil : try parseExpression()]
            guard isSymbol(":") else {
                indices.append(bounds[0] ?? .none)
                continue
            }
            while bounds.count < 3, skip(":") {
                let isEmpty = isSymbol(":") || isSymbol("]") || isSymbol(",")
                bounds.append(isEmpty ? nil : try parseExpression())
            }
            guard indices.isEmpty, isSymbol("]") else {
                throw .syntax("a slice has one dimension", line: line)
            }
            position += 1
            return .slice(
                value, from: bounds[0], to: bounds[1], by: bounds.count > 2 ? bounds[2] : nil)
        }
        position += 1
        return .item(value, indices.count == 1 ? indices[0] : .tuple(indices))
    }

    private mutating func parsePrimary() throws(TemplateError) -> TemplateExpression {
        let token = tokens[position]
        switch token.kind {
        case .name(let name):
            position += 1
            switch name {
            case "true", "True": return .bool(true)
            case "false", "False": return .bool(false)
            case "none", "None": return .none
            default: return .name(name)
            }
        case .string(var text):
            position += 1
            while case .string(let more) = tokens[position].kind {
                text += more
                position += 1
            }
            return .string(text)
        case .integer(let value):
            position += 1
            return .integer(value)
        case .float(let value):
            position += 1
            return .float(value)
        case .symbol("("):
            position += 1
            let value = try parseTuple(inParentheses: true)
            try expect(.symbol(")"))
            return value
        case .symbol("["):
            position += 1
            var elements: [TemplateExpression] = []
            while !isSymbol("]") {
                if !elements.isEmpty { try expect(.symbol(",")) }
                if isSymbol("]") { break }
                elements.append(try parseExpression())
            }
            try expect(.symbol("]"))
            return .list(elements)
        case .symbol("{"):
            return try parseDictionary()
        default:
            throw unexpected()
        }
    }

    private mutating func parseDictionary() throws(TemplateError) -> TemplateExpression {
        position += 1
        var members: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !isSymbol("}") {
            if !members.isEmpty { try expect(.symbol(",")) }
            if isSymbol("}") { break }
            let key = try parseExpression()
            try expect(.symbol(":"))
            members.append((key, try parseExpression()))
        }
        try expect(.symbol("}"))
        return .dictionary(members)
    }

    /// Parses arguments in parentheses.
    mutating func parseArguments() throws(TemplateError) -> TemplateArguments {
        var arguments = TemplateArguments()
        var isFirst = true
        try expect(.symbol("("))
        while !isSymbol(")") {
            if !isFirst {
                try expect(.symbol(","))
                if isSymbol(")") { break }
            }
            isFirst = false
            if skip("*") {
                guard arguments.spreadList == nil, arguments.spreadDictionary == nil else {
                    throw unexpected()
                }
                arguments.spreadList = try parseExpression()
            } else if skip("**") {
                guard arguments.spreadDictionary == nil else { throw unexpected() }
                arguments.spreadDictionary = try parseExpression()
            } else if case .name(let name) = tokens[position].kind,
                tokens[position + 1].kind == .symbol("=")
            {
                guard arguments.spreadDictionary == nil else { throw unexpected() }
                position += 2
                arguments.keywords.append((name, try parseExpression()))
            } else {
                guard arguments.keywords.isEmpty, arguments.spreadList == nil,
                    arguments.spreadDictionary == nil
                else {
                    throw .syntax("a positional argument follows a named one", line: line)
                }
                arguments.positional.append(try parseExpression())
            }
        }
        try expect(.symbol(")"))
        return arguments
    }
}
