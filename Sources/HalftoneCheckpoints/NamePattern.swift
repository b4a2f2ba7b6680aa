/// A regular expression over names of modules, matched in time linear in the name.
///
/// It knows literals, `.`, classes, `\d \w \s` and their opposites, groups, alternatives, `* + ?
/// {m,n}` with or without `?` behind, `^` and `$`; matches begin at the start of the name, as
/// Python's `re.match`. Look-around and back references are refused: an expression from a file must
/// not be able to run away.
package struct NamePattern: Sendable {
    private enum Step: Sendable {
        case scalars(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case match
    }

    private struct ScalarSet: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        func contains(_ scalar: UInt32) -> Bool {
            ranges.contains { $0.contains(scalar) } != isInverted
        }
    }

    /// Why an expression is refused.
    package struct Refusal: Error { package let reason: String }

    private static let maximumLength = 1024
    private static let maximumSteps = 1 << 14

    private var steps: [Step] = []
    /// Nodes written so far, those without steps included.
    private var nodeCount = 0

    /// Whether some beginning of the name matches.
    package func matches(_ name: String) -> Bool {
        let scalars = name.unicodeScalars.map(\.value)
        var current: Set<Int> = []
        for position in 0...scalars.count {
            if position == 0 { add(0, to: &current, at: 0, scalars.count) }
            if current.contains(where: { if case .match = steps[$0] { true } else { false } }) {
                return true
            }
            guard position < scalars.count else { return false }
            var next: Set<Int> = []
            for index in current {
                if case .scalars(let set) = steps[index], set.contains(scalars[position]) {
                    add(index + 1, to: &next, at: position + 1, scalars.count)
                }
            }
            current = next
        }
        return false
    }

    /// Adds a step and all that are reached from it without reading.
    private func add(_ first: Int, to set: inout Set<Int>, at position: Int, _ count: Int) {
        var waiting = [first]
        while let index = waiting.popLast() {
            guard set.insert(index).inserted else { continue }
            switch steps[index] {
            case .jump(let target): waiting.append(target)
            case .split(let one, let other): waiting += [one, other]
            case .start: if position == 0 { waiting.append(index + 1) }
            case .end: if position == count { waiting.append(index + 1) }
            case .scalars, .match: break
            }
        }
    }
}

extension NamePattern {
    /// Reads an expression.
    ///
    /// - Throws: ``Refusal`` with what it has that is not known here.
    package init(_ expression: String) throws(Refusal) {
        let scalars = expression.unicodeScalars.map(\.value)
        guard scalars.count <= Self.maximumLength else {
            throw Refusal(reason: "it is longer than \(Self.maximumLength)")
        }
        var reader = Reader(scalars: scalars)
        let alternatives = try reader.alternatives(depth: 0)
        guard reader.position == scalars.count else {
            throw Refusal(reason: "a parenthesis is closed that was not opened")
        }
        try write(alternatives)
        steps.append(.match)
    }

    private indirect enum Node {
        case scalars(ScalarSet)
        case start, end
        case sequence([Node])
        case either([Node])
        case repeated(Node, from: Int, to: Int?)
    }

    private mutating func write(_ node: Node) throws(Refusal) {
        nodeCount += 1
        guard nodeCount < Self.maximumSteps, steps.count < Self.maximumSteps else {
            throw Refusal(reason: "it repeats too much")
        }
        switch node {
        case .scalars(let set): steps.append(.scalars(set))
        case .start: steps.append(.start)
        case .end: steps.append(.end)
        case .sequence(let parts):
            for part in parts { try write(part) }
        case .either(let parts):
            var jumps: [Int] = []
            for (index, part) in parts.enumerated() {
                guard index < parts.count - 1 else {
                    try write(part)
                    break
                }
                let split = steps.count
                steps.append(.jump(0))
                try write(part)
                jumps.append(steps.count)
                steps.append(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(let part, let least, let most):
            for _ in 0..<least { try write(part) }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(steps.count)
                    steps.append(.jump(0))
                    try write(part)
                }
                for split in splits { steps[split] = .split(split + 1, steps.count) }
            } else {
                let split = steps.count
                steps.append(.jump(0))
                try write(part)
                steps.append(.jump(split))
                steps[split] = .split(split + 1, steps.count)
            }
        }
    }

    /// Reads scalars into nodes.
    private struct Reader {
        let scalars: [UInt32]
        var position = 0

        private func character(_ offset: Int = 0) -> Character? {
            position + offset < scalars.count
                ? Unicode.Scalar(scalars[position + offset]).map { Character($0) } : nil
        }

        mutating func alternatives(depth: Int) throws(Refusal) -> Node {
            guard depth < 32 else { throw Refusal(reason: "its groups are nested too deeply") }
            var parts = [try sequence(depth: depth)]
            while character() == "|" {
                position += 1
                parts.append(try sequence(depth: depth))
            }
            return parts.count == 1 ? parts[0] : .either(parts)
        }

        private mutating func sequence(depth: Int) throws(Refusal) -> Node {
            var parts: [Node] = []
            while let next = character(), next != "|", next != ")" {
                parts.append(try repeated(atom(depth: depth)))
            }
            return .sequence(parts)
        }

        private mutating func atom(depth: Int) throws(Refusal) -> Node {
            let next = character()
            position += 1
            switch next {
            case "(":
                if character() == "?" {
                    guard character(1) == ":" else {
                        throw Refusal(reason: "it looks ahead or behind, or names a group")
                    }
                    position += 2
                }
                let inner = try alternatives(depth: depth + 1)
                guard character() == ")" else { throw Refusal(reason: "a parenthesis is open") }
                position += 1
                return inner
            case "^": return .start
            case "$": return .end
            case ".": return .scalars(ScalarSet(ranges: [10...10], isInverted: true))
            case "[": return .scalars(try bracket())
            case "\\": return .scalars(try escaped())
            case "*", "+", "?", "{": throw Refusal(reason: "there is nothing to repeat")
            default: return .scalars(Self.one(scalars[position - 1]))
            }
        }

        private mutating func repeated(_ node: Node) throws(Refusal) -> Node {
            var result = node
            while let next = character() {
                switch next {
                case "*": result = .repeated(result, from: 0, to: nil)
                case "+": result = .repeated(result, from: 1, to: nil)
                case "?": result = .repeated(result, from: 0, to: 1)
                case "{":
                    let (least, most) = try bounds()
                    result = .repeated(result, from: least, to: most)
                default: return result
                }
                position += 1
                // As few as possible: what matches is the same.
                if character() == "?" { position += 1 }
            }
            return result
        }

        /// `{m}`, `{m,}` and `{m,n}`, up to the closing brace.
        private mutating func bounds() throws(Refusal) -> (Int, Int?) {
            var text = ""
            position += 1
            while let next = character(), next != "}" {
                text.append(next)
                position += 1
            }
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            guard character() == "}", (1...2).contains(parts.count), let least = Int(parts[0]),
                (0...64).contains(least)
            else { throw Refusal(reason: "the bounds {\(text)} are not read") }
            if parts.count == 1 { return (least, least) }
            if parts[1].isEmpty { return (least, nil) }
            guard let most = Int(parts[1]), (least...64).contains(most) else {
                throw Refusal(reason: "the bounds {\(text)} are not read")
            }
            return (least, most)
        }

        private mutating func bracket() throws(Refusal) -> ScalarSet {
            var set = ScalarSet(ranges: [])
            if character() == "^" {
                set.isInverted = true
                position += 1
            }
            var isFirst = true
            while let next = character(), next != "]" || isFirst {
                isFirst = false
                position += 1
                if next == "\\" {
                    let escaped = try escaped()
                    guard !escaped.isInverted else {
                        throw Refusal(reason: "an opposite class stands in brackets")
                    }
                    set.ranges += escaped.ranges
                    continue
                }
                let low = scalars[position - 1]
                if character() == "-", let last = character(1), last != "]" {
                    let high = scalars[position + 1]
                    guard low <= high, last != "\\" else {
                        throw Refusal(reason: "a range in brackets is not read")
                    }
                    set.ranges.append(low...high)
                    position += 2
                } else {
                    set.ranges.append(low...low)
                }
            }
            guard character() == "]" else { throw Refusal(reason: "a bracket is open") }
            position += 1
            return set
        }

        /// What stands after a backslash.
        private mutating func escaped() throws(Refusal) -> ScalarSet {
            guard let next = character() else { throw Refusal(reason: "it ends in a backslash") }
            position += 1
            let classes: [Character: [ClosedRange<UInt32>]] = [
                "d": [48...57], "w": [48...57, 65...90, 95...95, 97...122], "s": [9...13, 32...32],
            ]
            if let ranges = classes[next] { return ScalarSet(ranges: ranges) }
            if next.isUppercase, let ranges = classes[Character(next.lowercased())] {
                return ScalarSet(ranges: ranges, isInverted: true)
            }
            guard !next.isLetter, !next.isNumber else {
                throw Refusal(reason: "\\\(next) is not read")
            }
            return Self.one(scalars[position - 1])
        }

        private static func one(_ scalar: UInt32) -> ScalarSet {
            ScalarSet(ranges: [scalar...scalar])
        }
    }
}
