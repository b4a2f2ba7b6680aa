extension TemplateInterpreter {
    /// The functions that every template can call.
    static let functions: Set<String> = [
        "raise_exception", "strftime_now", "range", "namespace", "dict", "joiner", "cycler",
    ]

    /// Calls a value.
    func call(
        _ callee: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        try charge()
        switch callee {
        case .undefined(let reason): throw evaluationError(reason)
        case .macro(let closure): return .string(try call(closure, arguments))
        case .function(let name): return try callFunction(name, arguments)
        case .method(let method):
            return try callMethod(method.name, of: method.receiver, arguments)
        case .loop(let loop): return try recurse(loop, arguments)
        case .joiner(let joiner): return .string(try text(of: .joiner(joiner)))
        default: throw evaluationError("a \(callee.typeName) cannot be called")
        }
    }

    /// Values for the names of parameters, nil where none was given.
    func bind(
        _ arguments: TemplateCallArguments, _ names: [String], of function: String
    ) throws(TemplateError) -> [TemplateValue?] {
        guard arguments.positional.count <= names.count else {
            throw evaluationError(
                "\(function) takes \(names.count) arguments, not \(arguments.positional.count)")
        }
        var values: [TemplateValue?] = arguments.positional
        values += Array(repeating: nil, count: names.count - values.count)
        for (name, value) in arguments.keywords {
            guard let index = names.firstIndex(of: name) else {
                throw evaluationError("\(function) has no argument '\(name)'")
            }
            guard values[index] == nil else {
                throw evaluationError("\(function): '\(name)' is given twice")
            }
            values[index] = value
        }
        return values
    }

    // MARK: Macros and loops

    private func call(
        _ closure: TemplateClosure, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> String {
        try enter()
        defer { leave() }
        let macro = closure.macro
        let scope = TemplateScope(parent: closure.scope)
        var keywords = arguments.keywords
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.variables[parameter.name] = arguments.positional[index]
                if keywords.contains(where: { $0.name == parameter.name }) {
                    throw evaluationError("\(macro.name): '\(parameter.name)' is given twice")
                }
            } else if let position = keywords.firstIndex(where: { $0.name == parameter.name }) {
                scope.variables[parameter.name] = keywords.remove(at: position).value
            } else if let value = parameter.defaultValue {
                scope.variables[parameter.name] = try evaluate(value, scope)
            } else {
                scope.variables[parameter.name] = .undefined(
                    "parameter '\(parameter.name)' was not provided")
            }
        }
        try bindRest(of: arguments, keywords, macro, scope)
        for value in scope.variables.values { try checkNesting(value) }
        let outerLine = line
        defer { line = outerLine }
        return try capture(macro.body, scope)
    }

    /// Gives a macro that names them `varargs`, `kwargs` and `caller`, and refuses what is left.
    private func bindRest(
        of arguments: TemplateCallArguments,
        _ keywords: [(name: String, value: TemplateValue)], _ macro: TemplateMacro,
        _ scope: TemplateScope
    ) throws(TemplateError) {
        var keywords = keywords
        let names = TemplateNames(of: macro)
        if let caller = keywords.firstIndex(where: { $0.name == "caller" }) {
            if names.contains("caller") {
                scope.variables["caller"] = keywords.remove(at: caller).value
            }
        } else if names.contains("caller"),
            !macro.parameters.contains(where: { $0.name == "caller" })
        {
            scope.variables["caller"] = .undefined("No caller defined")
        }
        let extra = Array(arguments.positional.dropFirst(macro.parameters.count))
        if names.contains("varargs") {
            scope.variables["varargs"] = .tuple(extra)
        } else if !extra.isEmpty {
            throw evaluationError(
                "macro '\(macro.name)' takes not more than \(macro.parameters.count) arguments")
        }
        if names.contains("kwargs") {
            var dictionary = TemplateDictionary()
            for (name, value) in keywords { dictionary[text: name] = value }
            scope.variables["kwargs"] = .dictionary(dictionary)
        } else if let first = keywords.first {
            throw evaluationError("macro '\(macro.name)' takes no argument '\(first.name)'")
        }
    }

    private func recurse(
        _ state: TemplateLoopState, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        guard let recursion = state.recursion else {
            throw evaluationError("only a loop marked 'recursive' can be called")
        }
        let sequence = try bind(arguments, ["iterable"], of: "loop")[0] ?? .undefined("iterable")
        return .string(
            try captured { () throws(TemplateError) in
                try run(
                    recursion.loop, over: sequence, depth: state.depth + 1, recursion.scope)
            })
    }

    // MARK: Functions

    private func callFunction(
        _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "raise_exception":
            let message = try bind(arguments, ["message"], of: name)[0] ?? .none
            throw .raised(try text(of: message), line: line)
        case "strftime_now":
            guard let format = try bind(arguments, ["format"], of: name)[0]?.text else {
                throw evaluationError("strftime_now needs a format")
            }
            return .string(
                try checked(PythonDate.text(of: now, format: format, timeZone: timeZone)))
        case "range": return try makeRange(arguments)
        case "namespace":
            let namespace = makeNamespace()
            for (name, value) in try members(arguments, of: name) {
                try checkAttributeName(name)
                namespace.attributes[text: name] = value
            }
            try checkNesting(.namespace(namespace))
            return .namespace(namespace)
        case "dict":
            var dictionary = TemplateDictionary()
            if case .dictionary(let first)? = arguments.positional.first { dictionary = first }
            for (name, value) in try members(arguments, of: name) {
                dictionary[text: name] = value
            }
            return .dictionary(dictionary)
        case "joiner":
            return .joiner(
                TemplateJoiner(try bind(arguments, ["sep"], of: name)[0] ?? .string(", ")))
        case "cycler":
            guard !arguments.positional.isEmpty else {
                throw evaluationError("cycler needs an element")
            }
            return .cycler(TemplateCycler(arguments.positional))
        default:
            throw evaluationError("\(name) is not a function of chat templates")
        }
    }

    /// What `dict` and `namespace` are made of: pairs or a dictionary, then names.
    private func members(
        _ arguments: TemplateCallArguments, of function: String
    ) throws(TemplateError) -> [(String, TemplateValue)] {
        var members: [(String, TemplateValue)] = []
        guard arguments.positional.count < 2 else {
            throw evaluationError("\(function) takes one argument without name")
        }
        if let first = arguments.positional.first {
            if case .undefined(let reason) = first { throw evaluationError(reason) }
            var pairs: [TemplateValue]
            if case .dictionary(let dictionary) = first {
                pairs = dictionary.items
            } else {
                pairs = try elements(of: first)
            }
            pairs.reverse()
            while let pair = pairs.popLast() {
                let parts = try elements(of: pair)
                guard parts.count == 2, let name = parts[0].text else {
                    throw evaluationError("\(function) takes pairs of a name and a value")
                }
                members.append((name, parts[1]))
            }
        }
        for (name, value) in arguments.keywords { members.append((name, value)) }
        return members
    }

    private func makeRange(
        _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw evaluationError("range takes one to three numbers")
        }
        var bounds: [Int] = []
        for argument in arguments.positional {
            guard let bound = argument.wholeNumber, bound.magnitude < 1 << 60 else {
                throw evaluationError("range takes whole numbers below 2^60")
            }
            bounds.append(bound)
        }
        let range = TemplateRange(
            start: bounds.count > 1 ? bounds[0] : 0, stop: bounds.count > 1 ? bounds[1] : bounds[0],
            step: bounds.count > 2 ? bounds[2] : 1)
        guard range.step != 0 else { throw evaluationError("the step of a range cannot be 0") }
        // The bound of Jinja's sandbox.
        guard range.count <= 100_000 else {
            throw evaluationError(
                "the range has \(range.count) elements, at most 100000 are allowed")
        }
        return .range(range)
    }
}
