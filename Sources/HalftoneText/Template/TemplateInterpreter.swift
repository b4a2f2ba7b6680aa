import Foundation
import HalftoneFiles

/// Runs the statements of one template once, within limits.
final class TemplateInterpreter {
    let limits: TemplateLimits
    let now: Date
    let timeZone: TimeZone
    /// The line of the statement that runs, for errors.
    var line = 1
    private var output = ""
    private var steps = 0
    private var depth = 0
    /// What may refer to itself, emptied at the end so that nothing leaks.
    private var macroScopes: [TemplateScope] = []
    private var namespaces: [TemplateNamespace] = []

    /// How a list of statements ended.
    enum Ending {
        case normal
        case breakLoop
        case continueLoop
    }

    init(limits: TemplateLimits, now: Date, timeZone: TimeZone) {
        self.limits = limits
        self.now = now
        self.timeZone = timeZone
    }

    /// The text of a template for some variables.
    func render(
        _ statements: [TemplateStatement], variables: JSONObject
    ) throws(TemplateError) -> String {
        let root = TemplateScope(parent: nil)
        defer {
            for scope in macroScopes { scope.variables = [:] }
            for namespace in namespaces { namespace.attributes = TemplateDictionary() }
        }
        for member in variables.members {
            let value = try convert(member.value, depth: 0)
            root.variables[member.name] = value
        }
        _ = try execute(statements, TemplateScope(parent: root))
        return output
    }

    private func convert(_ json: JSONValue, depth: Int) throws(TemplateError) -> TemplateValue {
        guard depth < limits.depth else {
            throw .limit("the variables nest deeper than \(limits.depth)", line: line)
        }
        switch json {
        case .array(let elements):
            var values: [TemplateValue] = []
            values.reserveCapacity(elements.count)
            for element in elements { values.append(try convert(element, depth: depth + 1)) }
            return .list(values)
        case .object(let object):
            var dictionary = TemplateDictionary()
            for member in object.members {
                dictionary[text: member.name] = try convert(member.value, depth: depth + 1)
            }
            return .dictionary(dictionary)
        default:
            return TemplateValue(json)
        }
    }

    // MARK: Limits

    /// Counts work and stops when there has been too much.
    func charge(_ count: Int = 1) throws(TemplateError) {
        steps += count
        guard steps <= limits.steps else {
            throw .limit("it takes more than \(limits.steps) steps", line: line)
        }
    }

    /// Counts the work of making a text and checks its length.
    func checked(_ text: String) throws(TemplateError) -> String {
        try checkText(bytes: text.utf8.count)
        return text
    }

    /// Checks the length of a text before it is made, and counts the work of making it.
    func checkText(bytes: Int) throws(TemplateError) {
        try checkText(bytes: bytes, appendedTo: 0)
    }

    /// Checks the length of a text that grows, and counts the work of the part that is added.
    func checkText(bytes: Int, appendedTo length: Int) throws(TemplateError) {
        guard bytes <= limits.textBytes - length else {
            throw .limit("a text is longer than \(limits.textBytes) bytes", line: line)
        }
        try charge(1 + bytes / 16)
    }

    /// Checks the length of a list before it is made, and counts the work of making it.
    func checkElements(_ count: Int) throws(TemplateError) {
        guard count <= limits.elements else {
            throw .limit("a list has more than \(limits.elements) elements", line: line)
        }
        try charge(1 + count / 4)
    }

    /// Enters one more level of nesting; every call is paired with ``leave()``.
    func enter() throws(TemplateError) {
        depth += 1
        guard depth <= 2 * limits.depth else {
            throw .limit("calls and blocks nest deeper than \(limits.depth)", line: line)
        }
    }

    func leave() { depth -= 1 }

    /// Checks that a value that is kept does not nest without bound.
    func checkNesting(_ value: TemplateValue, depth: Int = 0) throws(TemplateError) {
        let elements: [TemplateValue]
        switch value {
        case .list(let values), .tuple(let values), .view(_, let values): elements = values
        case .dictionary(let dictionary): elements = dictionary.values
        case .namespace(let namespace): elements = namespace.attributes.values
        case .iterator(let iterator): elements = iterator.remaining
        case .loop(let loop): elements = loop.elements
        case .cycler(let cycler): elements = cycler.elements
        case .method(let method): elements = [method.receiver]
        case .joiner(let joiner): elements = [joiner.separator]
        default: return
        }
        try charge()
        guard depth < limits.depth else {
            throw .limit("values nest deeper than \(limits.depth)", line: line)
        }
        for element in elements { try checkNesting(element, depth: depth + 1) }
    }

    func evaluationError(_ message: String) -> TemplateError { .evaluation(message, line: line) }

    // MARK: Output

    func write(_ text: String) throws(TemplateError) {
        try checkText(bytes: text.utf8.count)
        guard output.utf8.count + text.utf8.count <= limits.textBytes else {
            throw .limit("the text is longer than \(limits.textBytes) bytes", line: line)
        }
        output += text
    }

    /// What some statements write.
    func capture(
        _ statements: [TemplateStatement], _ scope: TemplateScope
    ) throws(TemplateError) -> String {
        try captured { () throws(TemplateError) in _ = try execute(statements, scope) }
    }

    /// What some work writes.
    func captured(
        _ work: () throws(TemplateError) -> Void
    ) throws(TemplateError) -> String {
        let outer = output
        output = ""
        defer { output = outer }
        try work()
        return output
    }

    /// Makes an empty namespace that is emptied when rendering ends.
    func makeNamespace() -> TemplateNamespace {
        let namespace = TemplateNamespace()
        namespaces.append(namespace)
        return namespace
    }

    // MARK: Statements

    /// Runs statements in order until one leaves the loop.
    func execute(
        _ statements: [TemplateStatement], _ scope: TemplateScope
    ) throws(TemplateError) -> Ending {
        try enter()
        defer { leave() }
        for statement in statements {
            line = statement.line
            try charge()
            let ending = try execute(statement.kind, scope)
            if ending != .normal { return ending }
        }
        return .normal
    }

    private func execute(
        _ statement: TemplateStatement.Kind, _ scope: TemplateScope
    ) throws(TemplateError) -> Ending {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(of: try evaluate(expression, scope)))
        case .condition(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, scope).isTrue {
                return try execute(branch.body, scope)
            }
            return try execute(otherwise, scope)
        case .loop(let loop): try execute(loop, scope)
        case .set(let target, let expression):
            try assign(try evaluate(expression, scope), to: target, scope)
        case .setBlock(let target, let filters, let body):
            let text = try capture(body, TemplateScope(parent: scope))
            try assign(try apply(filters, to: text, scope), to: target, scope)
        case .macro(let macro):
            scope.variables[macro.name] = .macro(TemplateClosure(macro, scope))
            macroScopes.append(scope)
        case .callBlock(let expression, let macro):
            guard case .call(let callee, let arguments) = expression else { break }
            let caller = TemplateValue.macro(TemplateClosure(macro, scope))
            let function = try evaluate(callee, scope)
            var evaluated = try evaluate(arguments, scope)
            evaluated.keywords.append(("caller", caller))
            try write(try text(of: try call(function, evaluated)))
        case .filterBlock(let filters, let body):
            let text = try capture(body, TemplateScope(parent: scope))
            try write(try self.text(of: try apply(filters, to: text, scope)))
        case .with(let variables, let body):
            let inner = TemplateScope(parent: scope)
            for variable in variables {
                try assign(try evaluate(variable.value, scope), to: variable.target, inner)
            }
            return try execute(body, inner)
        case .scope(let body): try write(try capture(body, TemplateScope(parent: scope)))
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .normal
    }

    private func apply(
        _ filters: [TemplateBlockFilter], to text: String, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var value = TemplateValue.string(text)
        for filter in filters {
            value = try self.filter(value, filter.name, try evaluate(filter.arguments, scope))
        }
        return value
    }

    private func execute(_ loop: TemplateLoop, _ scope: TemplateScope) throws(TemplateError) {
        let sequence = try evaluate(loop.sequence, scope)
        try run(loop, over: sequence, depth: 1, scope)
    }

    /// Runs a loop over a value; recursive loops come here again with their own elements.
    func run(
        _ loop: TemplateLoop, over sequence: TemplateValue, depth: Int, _ scope: TemplateScope
    ) throws(TemplateError) {
        try enter()
        defer { leave() }
        let elements = try selected(try self.elements(of: sequence), loop, scope)
        let state = TemplateLoopState(
            elements, depth: depth, recursion: loop.isRecursive ? (loop, scope) : nil)
        var finishedTurn = false
        for (index, element) in elements.enumerated() {
            try charge()
            state.index = index
            let inner = TemplateScope(parent: scope)
            inner.variables["loop"] = .loop(state)
            try assign(element, to: loop.target, inner)
            let ending = try execute(loop.body, inner)
            if ending == .breakLoop { break }
            if ending == .normal { finishedTurn = true }
        }
        // As Jinja has it: `else` runs when no turn reached its end.
        if !finishedTurn, !loop.otherwise.isEmpty {
            _ = try execute(loop.otherwise, TemplateScope(parent: scope))
        }
    }

    private func selected(
        _ elements: [TemplateValue], _ loop: TemplateLoop, _ scope: TemplateScope
    ) throws(TemplateError) -> [TemplateValue] {
        guard let test = loop.test else { return elements }
        var kept: [TemplateValue] = []
        for element in elements {
            try charge()
            let inner = TemplateScope(parent: scope)
            try assign(element, to: loop.target, inner)
            if try evaluate(test, inner).isTrue { kept.append(element) }
        }
        return kept
    }

    private func assign(
        _ value: TemplateValue, to target: TemplateTarget, _ scope: TemplateScope
    ) throws(TemplateError) {
        switch target {
        case .name(let name):
            try checkNesting(value)
            scope.variables[name] = value
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace) = scope[name] else {
                throw evaluationError("\(name).\(attribute): only a namespace can be assigned to")
            }
            try checkAttributeName(attribute)
            namespace.attributes[text: attribute] = value
            try checkNesting(.namespace(namespace))
        case .tuple(let targets):
            let elements = try elements(of: value)
            guard elements.count == targets.count else {
                throw evaluationError(
                    "\(targets.count) names cannot take \(elements.count) values")
            }
            for (target, element) in zip(targets, elements) {
                try assign(element, to: target, scope)
            }
        }
    }

    /// Refuses names of namespaces that transformers refuses too.
    func checkAttributeName(_ name: String) throws(TemplateError) {
        if name.hasPrefix("_") {
            throw evaluationError("a namespace cannot hold '\(name)': it starts with '_'")
        }
    }
}
