import HalftoneFiles

/// A value while a template runs, with the behaviour of the Python value it stands for.
enum TemplateValue {
    /// A missing variable or member; the text says which, for messages.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    /// Text marked by the filter `safe`: other text that it meets is HTML-escaped.
    case markup(String)
    case list([TemplateValue])
    case tuple([TemplateValue])
    case dictionary(TemplateDictionary)
    case range(TemplateRange)
    /// `items()`, `keys()` or `values()` of a dictionary, with Python's name of it.
    case view(String, [TemplateValue])
    case iterator(TemplateIterator)
    case namespace(TemplateNamespace)
    case loop(TemplateLoopState)
    case macro(TemplateClosure)
    case function(String)
    case method(TemplateMethod)
    case cycler(TemplateCycler)
    case joiner(TemplateJoiner)
}

/// A method that has been looked up but not called: `message.items`.
final class TemplateMethod {
    let receiver: TemplateValue
    let name: String

    init(_ receiver: TemplateValue, _ name: String) {
        self.receiver = receiver
        self.name = name
    }
}

/// What `range` returns.
struct TemplateRange: Equatable {
    var start: Int
    var stop: Int
    var step: Int

    var count: Int {
        if step > 0 { return start < stop ? (stop - start - 1) / step + 1 : 0 }
        return start > stop ? (start - stop - 1) / -step + 1 : 0
    }

    /// The elements; their number has been bounded when the range was made.
    var elements: [TemplateValue] { (0..<count).map { .integer(start + $0 * step) } }
}

/// Values that can be walked through once, as a Python generator.
final class TemplateIterator {
    private(set) var remaining: [TemplateValue]

    init(_ elements: [TemplateValue]) { remaining = elements }

    func takeAll() -> [TemplateValue] {
        defer { remaining = [] }
        return remaining
    }

    func takeFirst() -> TemplateValue? { remaining.isEmpty ? nil : remaining.removeFirst() }
}

/// What `namespace` returns: the one value whose attributes a template may set.
final class TemplateNamespace {
    var attributes = TemplateDictionary()
}

/// The variable `loop` of a `{% for %}` block.
final class TemplateLoopState {
    let elements: [TemplateValue]
    let depth: Int
    var index = 0
    var lastChanged: [TemplateValue]?
    /// The block and its surroundings, when it may be entered again with `loop(…)`.
    let recursion: (loop: TemplateLoop, scope: TemplateScope)?

    init(
        _ elements: [TemplateValue], depth: Int,
        recursion: (loop: TemplateLoop, scope: TemplateScope)?
    ) {
        self.elements = elements
        self.depth = depth
        self.recursion = recursion
    }
}

/// A macro with the variables that surround it.
final class TemplateClosure {
    let macro: TemplateMacro
    let scope: TemplateScope

    init(_ macro: TemplateMacro, _ scope: TemplateScope) {
        self.macro = macro
        self.scope = scope
    }
}

/// What `cycler` returns.
final class TemplateCycler {
    let elements: [TemplateValue]
    var index = 0

    init(_ elements: [TemplateValue]) { self.elements = elements }
}

/// What `joiner` returns.
final class TemplateJoiner {
    let separator: TemplateValue
    var wasUsed = false

    init(_ separator: TemplateValue) { self.separator = separator }
}

/// Variables of a block, and the block around it.
final class TemplateScope {
    var variables: [String: TemplateValue] = [:]
    let parent: TemplateScope?

    init(parent: TemplateScope?) { self.parent = parent }

    subscript(name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }
}

extension TemplateValue {
    /// A value from a JSON document.
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .float(value)
        case .string(let value): self = .string(value)
        case .array(let elements): self = .list(elements.map(TemplateValue.init))
        case .object(let object):
            var dictionary = TemplateDictionary()
            for member in object.members {
                dictionary[text: member.name] = TemplateValue(member.value)
            }
            self = .dictionary(dictionary)
        }
    }

    /// The text of a string, marked or not.
    var text: String? {
        switch self {
        case .string(let text), .markup(let text): text
        default: nil
        }
    }

    /// The value as a whole number, as Python takes truth values for 0 and 1.
    var wholeNumber: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The value as a number.
    var number: Double? {
        if case .float(let value) = self { return value }
        return wholeNumber.map(Double.init)
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    var isNone: Bool { if case .none = self { true } else { false } }

    /// Whether Python takes it for true.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .string(let text), .markup(let text): !text.isEmpty
        case .list(let elements), .tuple(let elements), .view(_, let elements): !elements.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .range(let range): range.count > 0
        case .iterator, .namespace, .macro, .function, .method, .cycler, .joiner, .loop: true
        }
    }

    /// Python's name of the type, for messages.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .string: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .range: "range"
        case .view(let name, _): name
        case .iterator: "generator"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .macro: "Macro"
        case .function: "function"
        case .method: "method"
        case .cycler: "Cycler"
        case .joiner: "Joiner"
        }
    }
}
