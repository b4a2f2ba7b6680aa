/// Splits a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks` on.
struct TemplateLexer {
    private let text: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Whether the text before `position` ends a line, so that indentation before a tag is dropped.
    private var startsLine = true

    /// Reads a template whose length has been checked.
    init(_ source: String) {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(source.utf8.count)
        var afterReturn = false
        for scalar in source.unicodeScalars {
            if scalar == "\r" {
                text.append("\n")
            } else if !(scalar == "\n" && afterReturn) {
                text.append(scalar)
            }
            afterReturn = scalar == "\r"
        }
        if text.last == "\n" { text.removeLast() }
        self.text = text
    }

    /// All tokens, ended by one of kind `end`.
    static func tokens(of source: String) throws(TemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(source)
        try lexer.run()
        return lexer.tokens
    }

    private mutating func run() throws(TemplateError) {
        while position < text.count {
            guard let tag = nextTag(from: position) else {
                emitData(text[position...])
                advance(to: text.count)
                break
            }
            if tag.kind == "{", rawBegin(at: tag.start) == nil {
                // Indentation before {{ stays unless it is {{-.
                emitData(text[position..<tag.start], sign: tag.sign, stripsIndent: false)
            } else {
                emitData(text[position..<tag.start], sign: tag.sign, stripsIndent: true)
            }
            advance(to: tag.start)
            if let body = rawBegin(at: tag.start) {
                advance(to: body)
                try readRaw()
            } else if tag.kind == "#" {
                advance(to: tag.bodyStart)
                try skipComment()
            } else {
                let isBlock = tag.kind == "%"
                emit(isBlock ? .blockBegin : .variableBegin)
                advance(to: tag.bodyStart)
                try readTag(isBlock: isBlock)
            }
        }
        emit(.end)
    }

    // MARK: Tags in the text

    private func nextTag(
        from start: Int
    ) -> (start: Int, kind: Unicode.Scalar, sign: Unicode.Scalar?, bodyStart: Int)? {
        var index = start
        while index + 1 < text.count {
            if text[index] == "{" {
                let kind = text[index + 1]
                if kind == "{" || kind == "%" || kind == "#" {
                    let next = scalar(index + 2)
                    let sign = next == "-" || next == "+" ? next : nil
                    return (index, kind, sign, index + (sign == nil ? 2 : 3))
                }
            }
            index += 1
        }
        return nil
    }

    /// The end of a `{% raw %}` tag that starts at an index.
    private func rawBegin(at start: Int) -> Int? {
        guard scalar(start + 1) == "%" else { return nil }
        var index = start + 2
        if scalar(index) == "-" || scalar(index) == "+" { index += 1 }
        index = skippingSpace(index)
        guard matches("raw", at: index) else { return nil }
        index = skippingSpace(index + 3)
        if matches("-%}", at: index) { return skippingSpace(index + 3) }
        return matches("%}", at: index) ? index + 2 : nil
    }

    private mutating func readRaw() throws(TemplateError) {
        let startLine = line
        var index = position
        while index < text.count {
            if text[index] == "{", scalar(index + 1) == "%" {
                let next = scalar(index + 2)
                let sign = next == "-" || next == "+" ? next : nil
                let name = skippingSpace(index + (sign == nil ? 2 : 3))
                if matches("endraw", at: name),
                    let end = blockEnd(at: skippingSpace(name + 6))
                {
                    emitData(text[position..<index], sign: sign, stripsIndent: true)
                    advance(to: end)
                    return
                }
            }
            index += 1
        }
        throw .syntax("{% raw %} has no {% endraw %}", line: startLine)
    }

    private mutating func skipComment() throws(TemplateError) {
        var index = position
        while index < text.count {
            if matches("-#}", at: index) {
                advance(to: skippingSpace(index + 3))
                return
            }
            if matches("+#}", at: index) {
                advance(to: index + 3)
                return
            }
            if matches("#}", at: index) {
                advance(to: index + (scalar(index + 2) == "\n" ? 3 : 2))
                return
            }
            index += 1
        }
        throw .syntax("a comment has no #}", line: line)
    }

    private func blockEnd(at index: Int) -> Int? {
        if matches("+%}", at: index) { return index + 3 }
        if matches("-%}", at: index) { return skippingSpace(index + 3) }
        if matches("%}", at: index) { return index + (scalar(index + 2) == "\n" ? 3 : 2) }
        return nil
    }

    private mutating func emitData(
        _ data: ArraySlice<Unicode.Scalar>, sign: Unicode.Scalar? = nil, stripsIndent: Bool = false
    ) {
        var data = data
        if sign == "-" {
            while let last = data.last, last.isPythonSpace { data.removeLast() }
        } else if sign != "+", stripsIndent {
            let start = data.lastIndex(of: "\n").map { $0 + 1 } ?? data.startIndex
            if start > data.startIndex || startsLine,
                data[start...].allSatisfy(\.isPythonSpace)
            {
                data = data[..<start]
            }
        }
        guard !data.isEmpty else { return }
        var string = String.UnicodeScalarView()
        string.append(contentsOf: data)
        emit(.data(String(string)))
    }

    // MARK: Inside of a tag

    private mutating func readTag(isBlock: Bool) throws(TemplateError) {
        let startLine = line
        var closers: [Unicode.Scalar] = []
        while true {
            advance(to: skippingSpace(position))
            guard position < text.count else {
                throw .syntax("a tag is not closed", line: startLine)
            }
            if closers.isEmpty, isBlock, let end = blockEnd(at: position) {
                emit(.blockEnd)
                advance(to: end)
                return
            }
            if closers.isEmpty, !isBlock, matches("-}}", at: position) {
                emit(.variableEnd)
                advance(to: skippingSpace(position + 3))
                return
            }
            if closers.isEmpty, !isBlock, matches("}}", at: position) {
                emit(.variableEnd)
                advance(to: position + 2)
                return
            }
            let scalar = text[position]
            if scalar.isNameStart {
                readName()
            } else if scalar.isDigit {
                try readNumber()
            } else if scalar == "'" || scalar == "\"" {
                try readString(quote: scalar)
            } else {
                let symbol = try readSymbol()
                switch symbol {
                case "(": closers.append(")")
                case "[": closers.append("]")
                case "{": closers.append("}")
                case ")", "]", "}":
                    guard let closer = closers.popLast() else {
                        throw .syntax("'\(symbol)' closes nothing", line: line)
                    }
                    guard String(closer) == symbol else {
                        throw .syntax("'\(symbol)' where '\(closer)' was expected", line: line)
                    }
                default: break
                }
            }
        }
    }

    private mutating func readName() {
        var end = position
        while end < text.count, text[end].isNameStart || text[end].isDigit { end += 1 }
        emit(.name(string(position..<end)))
        advance(to: end)
    }

    private mutating func readSymbol() throws(TemplateError) -> String {
        for symbol in ["//", "**", "==", "!=", ">=", "<="] where matches(symbol, at: position) {
            emit(.symbol(symbol))
            advance(to: position + 2)
            return symbol
        }
        let symbol = String(text[position])
        guard "+-/*%~[](){}><=.:|,;".unicodeScalars.contains(text[position]) else {
            throw .syntax("unexpected character '\(symbol)'", line: line)
        }
        emit(.symbol(symbol))
        advance(to: position + 1)
        return symbol
    }

    private mutating func readNumber() throws(TemplateError) {
        if text[position] == "0", let marker = scalar(position + 1)?.properties.lowercaseMapping,
            let radix = ["x": 16, "o": 8, "b": 2][marker]
        {
            var end = position + 2
            while let next = scalar(end), next == "_" || next.isHexDigit { end += 1 }
            let digits = string((position + 2)..<end).filter { $0 != "_" }
            guard let value = Int(digits, radix: radix) else {
                throw .syntax("not a whole number of 64 bits", line: line)
            }
            emit(.integer(value))
            advance(to: end)
            return
        }
        var end = skippingDigits(position)
        var isFloat = false
        if scalar(end) == ".", scalar(end + 1)?.isDigit == true, scalar(position - 1) != "." {
            isFloat = true
            end = skippingDigits(end + 1)
        }
        if scalar(end) == "e" || scalar(end) == "E", scalar(position - 1) != "." {
            var exponent = end + 1
            if scalar(exponent) == "+" || scalar(exponent) == "-" { exponent += 1 }
            if scalar(exponent)?.isDigit == true {
                isFloat = true
                end = skippingDigits(exponent)
            }
        }
        let digits = string(position..<end).filter { $0 != "_" }
        if isFloat, let value = Double(digits) {
            emit(.float(value))
        } else if !isFloat, let value = Int(digits) {
            emit(.integer(value))
        } else {
            throw .syntax("\(digits) is not a number of 64 bits", line: line)
        }
        advance(to: end)
    }

    private mutating func readString(quote: Unicode.Scalar) throws(TemplateError) {
        var index = position + 1
        var raw: [Unicode.Scalar] = []
        while let next = scalar(index), next != quote {
            raw.append(next)
            if next == "\\", let escaped = scalar(index + 1) {
                raw.append(escaped)
                index += 1
            }
            index += 1
        }
        guard index < text.count else { throw .syntax("a string is not closed", line: line) }
        guard let value = PythonText.unescaped(raw) else {
            throw .syntax("a string has an escape that is no character", line: line)
        }
        emit(.string(value))
        advance(to: index + 1)
    }

    // MARK: Steps

    private mutating func emit(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    private mutating func advance(to end: Int) {
        guard end > position else { return }
        for scalar in text[position..<end] where scalar == "\n" { line += 1 }
        startsLine = text[end - 1] == "\n"
        position = end
    }

    private func scalar(_ index: Int) -> Unicode.Scalar? {
        text.indices.contains(index) ? text[index] : nil
    }

    private func matches(_ word: String, at index: Int) -> Bool {
        var index = index
        for expected in word.unicodeScalars {
            guard scalar(index) == expected else { return false }
            index += 1
        }
        return true
    }

    private func skippingSpace(_ start: Int) -> Int {
        var index = start
        while index < text.count, text[index].isPythonSpace { index += 1 }
        return index
    }

    private func skippingDigits(_ start: Int) -> Int {
        var index = start
        while let next = scalar(index),
            next.isDigit || (next == "_" && scalar(index + 1)?.isDigit == true)
        {
            index += 1
        }
        return index
    }

    private func string(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text[range])
        return String(view)
    }
}

extension Unicode.Scalar {
    var isDigit: Bool { value >= 0x30 && value <= 0x39 }

    var isHexDigit: Bool { properties.isASCIIHexDigit }

    var isNameStart: Bool {
        self == "_" || (value < 0x80 ? properties.isAlphabetic : properties.isXIDContinue)
    }

    /// Whether Python's `str.isspace` and `\s` hold for it.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029,
            0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }
}
