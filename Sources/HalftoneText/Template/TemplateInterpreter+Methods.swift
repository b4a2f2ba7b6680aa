extension TemplateInterpreter {
    private static let textMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "partition", "rpartition",
        "startswith", "endswith", "replace", "upper", "lower", "title", "capitalize", "casefold",
        "swapcase", "find", "rfind", "index", "count", "join", "format", "zfill", "center",
        "ljust", "rjust", "removeprefix", "removesuffix", "isdigit", "isdecimal", "isnumeric",
        "isalpha", "isalnum", "isspace", "isupper", "islower",
    ]
    private static let dictionaryMethods: Set<String> = ["items", "keys", "values", "get", "copy"]
    private static let listMethods: Set<String> = ["index", "count", "copy"]
    /// Methods that change their receiver; the sandbox of transformers refuses them too.
    private static let listChanges: Set<String> = [
        "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse",
    ]
    private static let dictionaryChanges: Set<String> = [
        "clear", "pop", "popitem", "setdefault", "update",
    ]

    /// A method or attribute that a type has, or nil.
    func member(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue? {
        if name.hasPrefix("_") {
            if case .dictionary = value { return nil }
            return .undefined("access to '\(name)' of a \(value.typeName) is unsafe")
        }
        switch value {
        case .string, .markup:
            return Self.textMethods.contains(name) ? method(name, value) : nil
        case .dictionary:
            if Self.dictionaryMethods.contains(name) { return method(name, value) }
            return Self.dictionaryChanges.contains(name)
                ? .undefined("'\(name)' would change a dict, which a template cannot") : nil
        case .list:
            if Self.listMethods.contains(name) { return method(name, value) }
            return Self.listChanges.contains(name)
                ? .undefined("'\(name)' would change a list, which a template cannot") : nil
        case .tuple, .range:
            return name == "index" || name == "count" ? method(name, value) : nil
        case .namespace(let namespace): return namespace.attributes[text: name]
        case .loop(let loop): return try member(name, of: loop)
        case .macro(let closure): return name == "name" ? .string(closure.macro.name) : nil
        case .cycler(let cycler):
            if name == "current" { return cycler.elements[cycler.index] }
            return name == "next" || name == "reset" ? method(name, value) : nil
        default: return nil
        }
    }

    private func method(_ name: String, _ value: TemplateValue) -> TemplateValue {
        .method(TemplateMethod(value, name))
    }

    private func member(
        _ name: String, of loop: TemplateLoopState
    ) throws(TemplateError) -> TemplateValue? {
        let count = loop.elements.count
        switch name {
        case "index": return .integer(loop.index + 1)
        case "index0": return .integer(loop.index)
        case "revindex": return .integer(count - loop.index)
        case "revindex0": return .integer(count - loop.index - 1)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(loop.index == count - 1)
        case "length": return .integer(count)
        case "depth": return .integer(loop.depth)
        case "depth0": return .integer(loop.depth - 1)
        case "previtem":
            return loop.index > 0 ? loop.elements[loop.index - 1] : .undefined("no previous item")
        case "nextitem":
            return loop.index + 1 < count
                ? loop.elements[loop.index + 1] : .undefined("no next item")
        case "cycle", "changed": return method(name, .loop(loop))
        default: return nil
        }
    }

    /// Calls a method that ``member(_:of:)`` found.
    func callMethod(
        _ name: String, of receiver: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch receiver {
        case .string(let text): return try callTextMethod(name, of: text, arguments)
        case .markup(let text):
            let result = try callTextMethod(name, of: text, arguments)
            if case .string(let text) = result { return .markup(text) }
            return result
        case .dictionary(let dictionary):
            return try callDictionaryMethod(name, of: dictionary, arguments)
        case .list(let elements), .tuple(let elements):
            if name == "copy" { return receiver }
            return try callListMethod(name, of: elements, arguments)
        case .range(let range): return try callListMethod(name, of: range.elements, arguments)
        case .loop(let loop):
            if name == "cycle" {
                guard !arguments.positional.isEmpty else {
                    throw evaluationError("loop.cycle needs an element")
                }
                return arguments.positional[loop.index % arguments.positional.count]
            }
            if let last = loop.lastChanged,
                try equals(.tuple(last), .tuple(arguments.positional))
            {
                return .bool(false)
            }
            loop.lastChanged = arguments.positional
            for value in arguments.positional { try checkNesting(value) }
            return .bool(true)
        case .cycler(let cycler):
            if name == "reset" {
                cycler.index = 0
                return .none
            }
            defer { cycler.index = (cycler.index + 1) % cycler.elements.count }
            return cycler.elements[cycler.index]
        default: throw evaluationError("a \(receiver.typeName) has no method '\(name)'")
        }
    }

    private func callDictionaryMethod(
        _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        if name == "get" {
            guard arguments.keywords.isEmpty, (1...2).contains(arguments.positional.count) else {
                throw evaluationError("get takes a key and a default")
            }
            let fallback = arguments.positional.count > 1 ? arguments.positional[1] : .none
            if arguments.positional[0].isUndefined { return fallback }
            return dictionary[try key(arguments.positional[0])] ?? fallback
        }
        _ = try bind(arguments, [], of: name)
        switch name {
        case "items": return .view("dict_items", dictionary.items)
        case "keys": return .view("dict_keys", dictionary.keys)
        case "values": return .view("dict_values", dictionary.values)
        default: return .dictionary(dictionary)
        }
    }

    private func callListMethod(
        _ name: String, of elements: [TemplateValue], _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        guard arguments.keywords.isEmpty, let wanted = arguments.positional.first,
            arguments.positional.count == 1
        else { throw evaluationError("\(name) takes one element") }
        var count = 0
        for (index, element) in elements.enumerated() {
            try charge()
            guard try equals(element, wanted) else { continue }
            if name == "index" { return .integer(index) }
            count += 1
        }
        if name == "index" { throw evaluationError("the element is not in the list") }
        return .integer(count)
    }
}
