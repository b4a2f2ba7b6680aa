/// The names that the body of a macro reads, to know whether it wants `varargs` and the like.
struct TemplateNames {
    private var names: Set<String> = []

    init(of macro: TemplateMacro) {
        for parameter in macro.parameters {
            if let value = parameter.defaultValue { add(value) }
        }
        add(macro.body)
    }

    func contains(_ name: String) -> Bool { names.contains(name) }

    private mutating func add(_ statements: [TemplateStatement]) {
        for statement in statements {
            switch statement.kind {
            case .text, .breakLoop, .continueLoop: break
            case .output(let value), .set(_, let value): add(value)
            case .condition(let branches, let otherwise):
                for branch in branches {
                    add(branch.test)
                    add(branch.body)
                }
                add(otherwise)
            case .loop(let loop):
                add(loop.sequence)
                if let test = loop.test { add(test) }
                add(loop.body)
                add(loop.otherwise)
            case .setBlock(_, let filters, let body), .filterBlock(let filters, let body):
                for filter in filters { add(filter.arguments) }
                add(body)
            case .macro(let macro): add(macro.body)
            case .callBlock(let call, let macro):
                add(call)
                add(macro.body)
            case .with(let variables, let body):
                for variable in variables { add(variable.value) }
                add(body)
            case .scope(let body): add(body)
            }
        }
    }

    private mutating func add(_ arguments: TemplateArguments) {
        for value in arguments.positional { add(value) }
        for keyword in arguments.keywords { add(keyword.value) }
        if let value = arguments.spreadList { add(value) }
        if let value = arguments.spreadDictionary { add(value) }
    }

    private mutating func add(_ expression: TemplateExpression) {
        switch expression {
        case .none, .bool, .integer, .float, .string: break
        case .name(let name): names.insert(name)
        case .list(let values), .tuple(let values), .concatenation(let values), .and(let values),
            .or(let values):
            for value in values { add(value) }
        case .dictionary(let members):
            for member in members {
                add(member.key)
                add(member.value)
            }
        case .attribute(let owner, _): add(owner)
        case .item(let owner, let index):
            add(owner)
            add(index)
        case .slice(let owner, let start, let end, let step):
            add(owner)
            for bound in [start, end, step] { if let bound { add(bound) } }
        case .call(let value, let arguments), .filter(let value, _, let arguments),
            .test(let value, _, let arguments, negated: _):
            add(value)
            add(arguments)
        case .not(let value), .negative(let value), .positive(let value): add(value)
        case .arithmetic(let first, let rest), .comparison(let first, let rest):
            add(first)
            for part in rest { add(part.operand) }
        case .conditional(let test, let value, let otherwise):
            add(test)
            add(value)
            if let otherwise { add(otherwise) }
        }
    }
}
