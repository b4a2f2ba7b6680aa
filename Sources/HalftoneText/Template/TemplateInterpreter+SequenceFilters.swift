extension TemplateInterpreter {
    /// Filters over lists and dictionaries, or nil for a name that is none.
    func sequenceFilter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "length", "count": return .integer(try length(of: value))
        case "list":
            let values = try elements(of: value)
            try checkElements(values.count)
            return .list(values)
        case "first":
            if case .iterator(let iterator) = value {
                return iterator.takeFirst() ?? .undefined("No first item, sequence was empty.")
            }
            return try elements(of: value).first
                ?? .undefined("No first item, sequence was empty.")
        case "last":
            if case .iterator = value { throw evaluationError("a generator has no last element") }
            return try elements(of: value).last ?? .undefined("No last item, sequence was empty.")
        case "join": return try join(value, arguments)
        case "reverse":
            if value.text != nil { return try slice(value, nil, nil, -1) }
            return .iterator(TemplateIterator(try elements(of: value).reversed()))
        case "items":
            if value.isUndefined { return .iterator(TemplateIterator([])) }
            guard case .dictionary(let dictionary) = value else {
                throw evaluationError("items needs a dict, not \(value.typeName)")
            }
            return .iterator(TemplateIterator(dictionary.items))
        case "map": return .iterator(TemplateIterator(try map(value, arguments)))
        case "select", "reject":
            return try select(value, arguments, keeps: name == "select", attribute: nil)
        case "selectattr", "rejectattr":
            guard let attribute = arguments.positional.first else {
                throw evaluationError("\(name) needs the name of an attribute")
            }
            let rest = TemplateCallArguments(
                positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
            return try select(value, rest, keeps: name == "selectattr", attribute: attribute)
        case "sort", "unique", "min", "max", "sum", "dictsort":
            return try orderFilter(value, name, arguments)
        case "batch", "slice": return try partitioned(value, name, arguments)
        case "attr":
            let attribute = try requiredText(try bind(arguments, ["name"], of: name)[0], name)
            if case .undefined(let reason) = value { throw evaluationError(reason) }
            return try member(attribute, of: value)
                ?? .undefined("'\(value.typeName)' has no attribute '\(attribute)'")
        default: return nil
        }
    }

    /// Python's `len`.
    func length(of value: TemplateValue) throws(TemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text), .markup(let text):
            try charge(text.utf8.count / 16)
            return text.unicodeScalars.count
        case .list(let elements), .tuple(let elements), .view(_, let elements):
            return elements.count
        case .dictionary(let dictionary): return dictionary.count
        case .range(let range): return range.count
        case .loop(let loop): return loop.elements.count
        default: throw evaluationError("a \(value.typeName) has no length")
        }
    }

    // MARK: Attributes

    /// The value at a path of attributes: `function.name` or `0`.
    private func value(
        at path: TemplateValue, of owner: TemplateValue, default fallback: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        guard let text = path.text else { return try item(path, of: owner) }
        var current = owner
        for part in PythonText.split(text, by: ".", limit: -1) {
            let isIndex = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            let index = isIndex ? Int(part).map { TemplateValue.integer($0) } : nil
            current = try item(index ?? .string(part), of: current)
            if current.isUndefined, let fallback { current = fallback }
        }
        return current
    }

    private func map(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> [TemplateValue] {
        // As Jinja has it: what is false, none included, has nothing to map.
        let sequence = value.isTrue ? try elements(of: value) : []
        var results: [TemplateValue] = []
        if arguments.positional.isEmpty {
            let values = try bind(arguments, ["attribute", "default"], of: "map")
            guard let attribute = values[0] else {
                throw evaluationError("map needs a filter or an attribute")
            }
            for element in sequence {
                try charge()
                results.append(try self.value(at: attribute, of: element, default: values[1]))
            }
            return results
        }
        let name = try requiredText(arguments.positional[0], "map")
        let rest = TemplateCallArguments(
            positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
        for element in sequence { results.append(try filter(element, name, rest)) }
        return results
    }

    private func select(
        _ value: TemplateValue, _ arguments: TemplateCallArguments, keeps: Bool,
        attribute: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        let name = try arguments.positional.first.map {
            (first) throws(TemplateError) -> String in try requiredText(first, "select")
        }
        let rest = TemplateCallArguments(
            positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
        var kept: [TemplateValue] = []
        // As Jinja has it: what is false, none included, has nothing to select.
        for element in value.isTrue ? try elements(of: value) : [] {
            try charge()
            var subject = element
            if let attribute {
                subject = try self.value(at: attribute, of: element, default: nil)
            }
            let holds = try name.map {
                (name) throws(TemplateError) -> Bool in try test(subject, name, rest)
            }
            if (holds ?? subject.isTrue) == keeps { kept.append(element) }
        }
        return .iterator(TemplateIterator(kept))
    }

    private func join(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["d", "attribute"], of: "join")
        var parts = try elements(of: value)
        if let attribute = values[1], !attribute.isNone {
            for index in parts.indices {
                parts[index] = try self.value(at: attribute, of: parts[index], default: nil)
            }
        }
        let separator = try text(of: values[0] ?? .string(""))
        return .string(try joined(parts, separator: separator))
    }

    // MARK: Order

    private func orderFilter(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "sort":
            let values = try bind(
                arguments, ["reverse", "case_sensitive", "attribute"], of: name)
            return .list(
                try sorted(
                    try elements(of: value), reversed: values[0]?.isTrue ?? false,
                    by: { (element) throws(TemplateError) -> TemplateValue in
                        try self.sortKey(element, values[2], values[1])
                    }))
        case "unique":
            let values = try bind(arguments, ["case_sensitive", "attribute"], of: name)
            var seen: Set<TemplateKey> = []
            var kept: [TemplateValue] = []
            for element in try elements(of: value) {
                try charge()
                let key = try self.key(try sortKey(element, values[1], values[0]))
                if seen.insert(key).inserted { kept.append(element) }
            }
            return .iterator(TemplateIterator(kept))
        case "min", "max":
            let values = try bind(arguments, ["case_sensitive", "attribute"], of: name)
            var best: (element: TemplateValue, key: TemplateValue)?
            for element in try elements(of: value) {
                let key = try sortKey(element, values[1], values[0])
                guard let current = best else {
                    best = (element, key)
                    continue
                }
                let isBetter =
                    name == "min" ? try precedes(key, current.key) : try precedes(current.key, key)
                if isBetter { best = (element, key) }
            }
            return best?.element ?? .undefined("No aggregated item, sequence was empty.")
        case "sum":
            let values = try bind(arguments, ["attribute", "start"], of: name)
            var total = values[1] ?? .integer(0)
            for element in try elements(of: value) {
                var term = element
                if let attribute = values[0], !attribute.isNone {
                    term = try self.value(at: attribute, of: element, default: nil)
                }
                guard total.text == nil else {
                    throw evaluationError("sum does not add strings")
                }
                total = try arithmetic(total, "+", term)
            }
            return total
        default: return try dictionarySorted(value, arguments)
        }
    }

    private func dictionarySorted(
        _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["case_sensitive", "by", "reverse"], of: "dictsort")
        let by = values[1]?.text ?? "key"
        guard case .dictionary(let dictionary) = value, by == "key" || by == "value" else {
            throw evaluationError("dictsort needs a dict, and 'key' or 'value'")
        }
        let order = try sorted(
            Array(0..<dictionary.count), reversed: values[2]?.isTrue ?? false,
            by: { (index) throws(TemplateError) -> TemplateValue in
                try self.sortKey(
                    by == "key" ? dictionary.keys[index] : dictionary.values[index], nil, values[0])
            })
        return .list(order.map { .tuple([dictionary.keys[$0], dictionary.values[$0]]) })
    }

    /// What an element is ordered by: an attribute or several, in small letters unless asked.
    private func sortKey(
        _ element: TemplateValue, _ attribute: TemplateValue?, _ isCaseSensitive: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        func folded(_ value: TemplateValue) -> TemplateValue {
            if isCaseSensitive?.isTrue ?? false { return value }
            return value.text.map { .string($0.lowercased()) } ?? value
        }
        guard let attribute, !attribute.isNone else { return folded(element) }
        if let text = attribute.text, PythonText.contains(",", in: text) {
            var keys: [TemplateValue] = []
            for part in PythonText.split(text, by: ",", limit: -1) {
                keys.append(
                    folded(try value(at: .string(part), of: element, default: nil)))
            }
            return .list(keys)
        }
        return folded(try value(at: attribute, of: element, default: nil))
    }

    /// A stable merge sort by keys, as Python's `sorted`.
    func sorted<Element>(
        _ elements: [Element], reversed: Bool,
        by key: (Element) throws(TemplateError) -> TemplateValue
    ) throws(TemplateError) -> [Element] {
        try checkElements(elements.count)
        var pairs: [(element: Element, key: TemplateValue)] = []
        for element in elements { pairs.append((element, try key(element))) }
        if reversed { pairs.reverse() }
        var width = 1
        while width < pairs.count {
            var merged: [(element: Element, key: TemplateValue)] = []
            merged.reserveCapacity(pairs.count)
            for start in stride(from: 0, to: pairs.count, by: 2 * width) {
                let middle = min(start + width, pairs.count)
                let end = min(start + 2 * width, pairs.count)
                var left = start
                var right = middle
                while left < middle || right < end {
                    var takesRight = left == middle
                    if !takesRight, right < end {
                        takesRight = try precedes(pairs[right].key, pairs[left].key)
                    }
                    merged.append(pairs[takesRight ? right : left])
                    if takesRight { right += 1 } else { left += 1 }
                }
            }
            pairs = merged
            width *= 2
        }
        if reversed { pairs.reverse() }
        return pairs.map(\.element)
    }

    private func partitioned(
        _ value: TemplateValue, _ name: String, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = try bind(arguments, ["count", "fill_with"], of: name)
        guard let count = values[0]?.wholeNumber, count > 0 else {
            throw evaluationError("\(name) needs a positive count")
        }
        let fill = values[1].flatMap { $0.isNone ? nil : $0 }
        let all = try elements(of: value)
        var parts: [TemplateValue] = []
        if name == "batch" {
            var start = 0
            while start < all.count {
                let end = min(start + min(count, all.count), all.count)
                var part = Array(all[start..<end])
                if let fill, part.count < count {
                    try checkElements(count)
                    part += Array(repeating: fill, count: count - part.count)
                }
                parts.append(.list(part))
                start = end
            }
        } else {
            try checkElements(count)
            let size = all.count / count
            let longer = all.count % count
            var start = 0
            for index in 0..<count {
                let end = start + size + (index < longer ? 1 : 0)
                var part = Array(all[start..<end])
                if let fill, index >= longer { part.append(fill) }
                parts.append(.list(part))
                start = end
            }
        }
        return .iterator(TemplateIterator(parts))
    }
}
