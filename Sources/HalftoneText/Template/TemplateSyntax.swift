/// An expression of a template.
indirect enum TemplateExpression: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    case attribute(TemplateExpression, String)
    case item(TemplateExpression, TemplateExpression)
    case slice(
        TemplateExpression, from: TemplateExpression?, to: TemplateExpression?,
        by: TemplateExpression?)
    case call(TemplateExpression, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    case test(TemplateExpression, String, TemplateArguments, negated: Bool)
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case positive(TemplateExpression)
    /// Operators of one precedence, applied from the left.
    case arithmetic(TemplateExpression, [(operation: String, operand: TemplateExpression)])
    case concatenation([TemplateExpression])
    /// Comparisons chained as in Python.
    case comparison(TemplateExpression, [(operation: String, operand: TemplateExpression)])
    case and([TemplateExpression])
    case or([TemplateExpression])
    case conditional(
        TemplateExpression, then: TemplateExpression, otherwise: TemplateExpression?)
}

/// The arguments of a call, filter or test as written.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var keywords: [(name: String, value: TemplateExpression)] = []
    var spreadList: TemplateExpression?
    var spreadDictionary: TemplateExpression?
}

/// What `set` and `for` assign to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    case attribute(of: String, String)
    case tuple([TemplateTarget])
}

/// A filter of a block: `{% filter upper %}`, `{% set x | trim %}`.
struct TemplateBlockFilter: Sendable {
    var name: String
    var arguments: TemplateArguments
}

/// A macro or the body of a `{% call %}` block.
struct TemplateMacro: Sendable {
    var name: String
    var parameters: [(name: String, defaultValue: TemplateExpression?)]
    var body: [TemplateStatement]
}

/// A statement of a template with its line.
struct TemplateStatement: Sendable {
    /// What a statement does.
    indirect enum Kind: Sendable {
        case text(String)
        case output(TemplateExpression)
        case condition([(test: TemplateExpression, body: [TemplateStatement])], [TemplateStatement])
        case loop(TemplateLoop)
        case set(TemplateTarget, TemplateExpression)
        case setBlock(TemplateTarget, [TemplateBlockFilter], [TemplateStatement])
        case macro(TemplateMacro)
        case callBlock(TemplateExpression, TemplateMacro)
        case filterBlock([TemplateBlockFilter], [TemplateStatement])
        case with([(target: TemplateTarget, value: TemplateExpression)], [TemplateStatement])
        /// A body with variables of its own: `{% generation %}`.
        case scope([TemplateStatement])
        case breakLoop
        case continueLoop
    }

    var kind: Kind
    var line: Int
}

/// A `{% for %}` block.
struct TemplateLoop: Sendable {
    var target: TemplateTarget
    var sequence: TemplateExpression
    var test: TemplateExpression?
    var isRecursive: Bool
    var body: [TemplateStatement]
    var otherwise: [TemplateStatement]
}
