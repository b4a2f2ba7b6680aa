/// Builds the statements of a template from its tokens.
struct TemplateParser {
    var tokens: [TemplateToken]
    var position = 0
    var depth = 0
    let limits: TemplateLimits
    private var loopDepth = 0

    /// Parses a whole template.
    static func statements(
        of source: String, limits: TemplateLimits
    ) throws(TemplateError) -> [TemplateStatement] {
        guard source.utf8.count <= limits.sourceBytes else {
            throw .limit(
                "the template has \(source.utf8.count) bytes, at most \(limits.sourceBytes) are read",
                line: 1)
        }
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source), limits: limits)
        let (statements, end) = try parser.parseBody(until: [])
        guard end == nil else { throw parser.unexpected() }
        return statements
    }

    private init(tokens: [TemplateToken], limits: TemplateLimits) {
        self.tokens = tokens
        self.limits = limits
    }

    // MARK: Statements

    /// Parses up to a block tag named in `ends`, whose name is consumed and returned.
    private mutating func parseBody(
        until ends: [String]
    ) throws(TemplateError) -> (body: [TemplateStatement], end: String?) {
        try enter()
        defer { depth -= 1 }
        var body: [TemplateStatement] = []
        let startLine = line
        while true {
            let token = tokens[position]
            switch token.kind {
            case .data(let text):
                position += 1
                body.append(TemplateStatement(kind: .text(text), line: token.line))
            case .variableBegin:
                position += 1
                let value = try parseTuple()
                try expect(.variableEnd)
                body.append(TemplateStatement(kind: .output(value), line: token.line))
            case .blockBegin:
                position += 1
                guard case .name(let name) = tokens[position].kind else {
                    throw .syntax("a block tag must start with a name", line: line)
                }
                position += 1
                if ends.contains(name) { return (body, name) }
                let kind = try parseStatement(name)
                try expect(.blockEnd)
                body.append(TemplateStatement(kind: kind, line: token.line))
            case .end:
                guard ends.isEmpty else {
                    throw .syntax(
                        "the template ends before {% \(ends.last ?? "") %}", line: startLine)
                }
                return (body, nil)
            default:
                throw unexpected()
            }
        }
    }

    /// Parses a body after the `%}` that opens it.
    private mutating func parseBlock(
        until ends: [String]
    ) throws(TemplateError) -> (body: [TemplateStatement], end: String) {
        skip(":")
        try expect(.blockEnd)
        let (body, end) = try parseBody(until: ends)
        return (body, end ?? "")
    }

    private mutating func parseStatement(
        _ name: String
    ) throws(TemplateError) -> TemplateStatement.Kind {
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro":
            let name = try expectName()
            let parameters = try parseParameters()
            return .macro(try parseMacroBody(name, parameters, end: "endmacro"))
        case "call":
            let parameters = isSymbol("(") ? try parseParameters() : []
            let call = try parseExpression()
            guard case .call = call else {
                throw .syntax("{% call %} needs a call of a macro", line: line)
            }
            return .callBlock(call, try parseMacroBody("caller", parameters, end: "endcall"))
        case "filter":
            let filters = try parseBlockFilters(afterBar: true)
            return .filterBlock(filters, try parseBlock(until: ["endfilter"]).body)
        case "with": return try parseWith()
        case "generation": return .scope(try parseBlock(until: ["endgeneration"]).body)
        case "break", "continue":
            guard loopDepth > 0 else {
                throw .syntax("{% \(name) %} stands outside of a loop", line: line)
            }
            return name == "break" ? .breakLoop : .continueLoop
        default:
            throw .syntax("{% \(name) %} is not a statement of chat templates", line: line)
        }
    }

    private mutating func parseIf() throws(TemplateError) -> TemplateStatement.Kind {
        var branches: [(test: TemplateExpression, body: [TemplateStatement])] = []
        while true {
            let test = try parseTuple(withConditional: false)
            let (body, end) = try parseBlock(until: ["elif", "else", "endif"])
            branches.append((test, body))
            if end == "elif" { continue }
            if end == "endif" { return .condition(branches, []) }
            return .condition(branches, try parseBlock(until: ["endif"]).body)
        }
    }

    private mutating func parseFor() throws(TemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(allowsAttribute: false)
        if case .name("loop") = target {
            throw .syntax("'loop' cannot be the variable of a loop", line: line)
        }
        guard skipName("in") else { throw unexpected() }
        let sequence = try parseTuple(withConditional: false, endingAtName: "recursive")
        let test = skipName("if") ? try parseExpression() : nil
        let isRecursive = skipName("recursive")
        loopDepth += 1
        let (body, end) = try parseBlock(until: ["endfor", "else"])
        loopDepth -= 1
        let otherwise = end == "else" ? try parseBlock(until: ["endfor"]).body : []
        return .loop(
            TemplateLoop(
                target: target, sequence: sequence, test: test, isRecursive: isRecursive,
                body: body, otherwise: otherwise))
    }

    private mutating func parseSet() throws(TemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(allowsAttribute: true)
        if skip("=") { return .set(target, try parseTuple()) }
        let filters = try parseBlockFilters(afterBar: false)
        return .setBlock(target, filters, try parseBlock(until: ["endset"]).body)
    }

    private mutating func parseWith() throws(TemplateError) -> TemplateStatement.Kind {
        var variables: [(target: TemplateTarget, value: TemplateExpression)] = []
        while tokens[position].kind != .blockEnd {
            if !variables.isEmpty { try expect(.symbol(",")) }
            let target = try parsePrimaryTarget(allowsAttribute: false)
            try expect(.symbol("="))
            variables.append((target, try parseExpression()))
        }
        return .with(variables, try parseBlock(until: ["endwith"]).body)
    }

    private mutating func parseMacroBody(
        _ name: String, _ parameters: [(name: String, defaultValue: TemplateExpression?)],
        end: String
    ) throws(TemplateError) -> TemplateMacro {
        let outer = loopDepth
        loopDepth = 0
        defer { loopDepth = outer }
        let body = try parseBlock(until: [end]).body
        return TemplateMacro(name: name, parameters: parameters, body: body)
    }

    private mutating func parseParameters() throws(TemplateError)
        -> [(name: String, defaultValue: TemplateExpression?)]
    {
        var parameters: [(name: String, defaultValue: TemplateExpression?)] = []
        try expect(.symbol("("))
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(.symbol(",")) }
            let name = try expectName()
            if skip("=") {
                parameters.append((name, try parseExpression()))
            } else if parameters.last?.defaultValue != nil {
                throw .syntax("'\(name)' needs a default as the one before it", line: line)
            } else {
                parameters.append((name, nil))
            }
        }
        try expect(.symbol(")"))
        return parameters
    }

    private mutating func parseBlockFilters(
        afterBar: Bool
    ) throws(TemplateError) -> [TemplateBlockFilter] {
        var filters: [TemplateBlockFilter] = []
        while (afterBar && filters.isEmpty) || skip("|") {
            let name = try parseDottedName()
            let arguments = isSymbol("(") ? try parseArguments() : TemplateArguments()
            filters.append(TemplateBlockFilter(name: name, arguments: arguments))
        }
        return filters
    }

    // MARK: Targets

    private mutating func parseTarget(
        allowsAttribute: Bool
    ) throws(TemplateError) -> TemplateTarget {
        let first = try parsePrimaryTarget(allowsAttribute: allowsAttribute)
        guard isSymbol(",") else { return first }
        var targets = [first]
        while skip(",") {
            if isName("in") || isSymbol("=") || isSymbol(")") { break }
            targets.append(try parsePrimaryTarget(allowsAttribute: allowsAttribute))
        }
        return .tuple(targets)
    }

    private mutating func parsePrimaryTarget(
        allowsAttribute: Bool
    ) throws(TemplateError) -> TemplateTarget {
        try enter()
        defer { depth -= 1 }
        if skip("(") {
            let target = try parseTarget(allowsAttribute: allowsAttribute)
            try expect(.symbol(")"))
            return target
        }
        let name = try expectName()
        if ["true", "false", "none", "True", "False", "None"].contains(name) {
            throw .syntax("'\(name)' cannot be assigned to", line: line)
        }
        if allowsAttribute, skip(".") {
            return .attribute(of: name, try expectName())
        }
        return .name(name)
    }

    // MARK: Tokens

    var line: Int { tokens[position].line }

    mutating func enter() throws(TemplateError) {
        depth += 1
        guard depth <= limits.depth else {
            throw .limit("blocks and expressions nest deeper than \(limits.depth)", line: line)
        }
    }

    func unexpected() -> TemplateError {
        .syntax("unexpected \(tokens[position].name)", line: line)
    }

    func isSymbol(_ symbol: String) -> Bool { tokens[position].kind == .symbol(symbol) }

    func isName(_ name: String) -> Bool { tokens[position].kind == .name(name) }

    @discardableResult
    mutating func skip(_ symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        position += 1
        return true
    }

    mutating func skipName(_ name: String) -> Bool {
        guard isName(name) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ kind: TemplateToken.Kind) throws(TemplateError) {
        guard tokens[position].kind == kind else {
            let expected = TemplateToken(kind: kind, line: line).name
            throw .syntax("\(expected) expected, found \(tokens[position].name)", line: line)
        }
        if kind != .end { position += 1 }
    }

    mutating func expectName() throws(TemplateError) -> String {
        guard case .name(let name) = tokens[position].kind else {
            throw .syntax("a name expected, found \(tokens[position].name)", line: line)
        }
        position += 1
        return name
    }

    mutating func parseDottedName() throws(TemplateError) -> String {
        var name = try expectName()
        while skip(".") { name += "." + (try expectName()) }
        return name
    }
}
