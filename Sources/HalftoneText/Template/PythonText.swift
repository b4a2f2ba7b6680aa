import Foundation

/// Python's string algorithms, which count Unicode scalars where Swift counts characters.
enum PythonText {
    /// The text a string literal stands for, or nil for an escape that is no character.
    static func unescaped(_ raw: [Unicode.Scalar]) -> String? {
        var result = String.UnicodeScalarView()
        var index = 0
        func digits(_ count: Int, from start: Int) -> Unicode.Scalar? {
            guard start + count <= raw.count else { return nil }
            let text = raw[start..<start + count]
            guard text.allSatisfy(\.isHexDigit) else { return nil }
            return UInt32(String(text.map(Character.init)), radix: 16).flatMap(Unicode.Scalar.init)
        }
        while index < raw.count {
            let scalar = raw[index]
            guard scalar == "\\", index + 1 < raw.count else {
                result.append(scalar)
                index += 1
                continue
            }
            let escape = raw[index + 1]
            index += 2
            switch escape {
            case "\n": break
            case "n": result.append("\n")
            case "t": result.append("\t")
            case "r": result.append("\r")
            case "a": result.append("\u{07}")
            case "b": result.append("\u{08}")
            case "f": result.append("\u{0C}")
            case "v": result.append("\u{0B}")
            case "\\", "'", "\"": result.append(escape)
            case "x", "u", "U":
                let count = escape == "x" ? 2 : escape == "u" ? 4 : 8
                guard let scalar = digits(count, from: index) else { return nil }
                result.append(scalar)
                index += count
            case "0"..."7":
                var value = escape.value - 0x30
                var count = 1
                while count < 3, index < raw.count, ("0"..."7").contains(raw[index]) {
                    value = value * 8 + raw[index].value - 0x30
                    index += 1
                    count += 1
                }
                guard let scalar = Unicode.Scalar(value) else { return nil }
                result.append(scalar)
            case "N": return nil
            default:
                result.append("\\")
                result.append(escape)
            }
        }
        return String(result)
    }

    /// Text in quotes as `repr` prints it.
    static func quoted(_ text: String) -> String {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var result = String.UnicodeScalarView()
        result.append(quote)
        for scalar in scalars {
            switch scalar {
            case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
            case quote:
                result.append("\\")
                result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            default:
                if isPrintable(scalar) {
                    result.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16)
                    let (marker, width) =
                        scalar.value < 0x100
                        ? ("\\x", 2) : scalar.value < 0x10000 ? ("\\u", 4) : ("\\U", 8)
                    let zeros = String(repeating: "0", count: width - digits.count)
                    result.append(contentsOf: (marker + zeros + digits).unicodeScalars)
                }
            }
        }
        result.append(quote)
        return String(result)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            return false
        default: return true
        }
    }

    /// Text without scalars of a set at its ends; white space without a set.
    static func stripped(
        _ text: String, of characters: String? = nil, left: Bool = true, right: Bool = true
    ) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func isDropped(_ scalar: Unicode.Scalar) -> Bool {
            set?.contains(scalar) ?? scalar.isPythonSpace
        }
        var part = text.unicodeScalars[...]
        if left { part = part.drop(while: isDropped) }
        if right { while let last = part.last, isDropped(last) { part.removeLast() } }
        return String(part)
    }

    /// Where a part starts in the bytes of a text, from an index on.
    static func find(_ part: [UInt8], in text: [UInt8], from start: Int = 0) -> Int? {
        guard !part.isEmpty else { return start <= text.count ? start : nil }
        guard text.count >= part.count else { return nil }
        var index = start
        while index <= text.count - part.count {
            if text[index] == part[0], text[index..<index + part.count].elementsEqual(part) {
                return index
            }
            index += 1
        }
        return nil
    }

    /// Whether a text has a part.
    static func contains(_ part: String, in text: String) -> Bool {
        find(Array(part.utf8), in: Array(text.utf8)) != nil
    }

    /// Whether a text starts with another.
    static func starts(_ text: String, with part: String) -> Bool {
        text.utf8.starts(with: part.utf8)
    }

    /// Whether a text ends with another.
    static func ends(_ text: String, with part: String) -> Bool {
        text.utf8.reversed().starts(with: part.utf8.reversed())
    }

    /// The text of some bytes of a text, cut at scalars.
    static func string(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    /// Parts between separators, at most `limit` cuts, from the left or the right.
    static func split(
        _ text: String, by separator: String, limit: Int, fromRight: Bool = false
    ) -> [String] {
        let bytes = Array(text.utf8)
        let part = Array(separator.utf8)
        var cuts: [Int] = []
        if fromRight {
            var end = bytes.count
            while limit < 0 || cuts.count < limit {
                var index = end - part.count
                while index >= 0, !bytes[index..<index + part.count].elementsEqual(part) {
                    index -= 1
                }
                guard index >= 0 else { break }
                cuts.insert(index, at: 0)
                end = index
            }
        } else {
            var start = 0
            while limit < 0 || cuts.count < limit, let index = find(part, in: bytes, from: start) {
                cuts.append(index)
                start = index + part.count
            }
        }
        var parts: [String] = []
        var start = 0
        for cut in cuts {
            parts.append(string(bytes[start..<cut]))
            start = cut + part.count
        }
        parts.append(string(bytes[start...]))
        return parts
    }

    /// Words between white space, at most `limit` cuts, from the left or the right.
    static func words(_ text: String, limit: Int = -1, fromRight: Bool = false) -> [String] {
        let scalars = Array(text.unicodeScalars)
        func piece(_ range: Range<Int>) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[range])
            return String(view)
        }
        var parts: [String] = []
        if fromRight {
            var end = scalars.count
            while true {
                while end > 0, scalars[end - 1].isPythonSpace { end -= 1 }
                guard end > 0 else { break }
                if limit >= 0, parts.count == limit {
                    parts.append(piece(0..<end))
                    break
                }
                var start = end
                while start > 0, !scalars[start - 1].isPythonSpace { start -= 1 }
                parts.append(piece(start..<end))
                end = start
            }
            return parts.reversed()
        }
        var start = 0
        while true {
            while start < scalars.count, scalars[start].isPythonSpace { start += 1 }
            guard start < scalars.count else { break }
            if limit >= 0, parts.count == limit {
                parts.append(piece(start..<scalars.count))
                break
            }
            var end = start
            while end < scalars.count, !scalars[end].isPythonSpace { end += 1 }
            parts.append(piece(start..<end))
            start = end
        }
        return parts
    }

    /// Lines without their ends.
    static func lines(_ text: String, keepingEnds: Bool = false) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" {
                if keepingEnds, !lines.isEmpty {
                    lines[lines.count - 1].unicodeScalars.append("\n")
                }
                continue
            }
            switch scalar.value {
            case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                if keepingEnds { line.append(scalar) }
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
        }
        if !line.isEmpty { lines.append(String(line)) }
        return lines
    }

    /// Text with parts replaced, at most `limit` times when that is not negative.
    static func replacing(_ old: String, by new: String, in text: String, limit: Int) -> String {
        guard limit != 0 else { return text }
        if old.isEmpty {
            var result = String.UnicodeScalarView()
            var count = 0
            for scalar in text.unicodeScalars {
                if limit < 0 || count < limit { result.append(contentsOf: new.unicodeScalars) }
                count += 1
                result.append(scalar)
            }
            if limit < 0 || count < limit { result.append(contentsOf: new.unicodeScalars) }
            return String(result)
        }
        return split(text, by: old, limit: limit).joined(separator: new)
    }

    /// The first letter large and all others small.
    static func capitalized(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping
            + String(text.unicodeScalars.dropFirst()).lowercased()
    }

    /// Every first letter after something that is no letter large, as `str.title` does.
    static func titled(_ text: String) -> String {
        var result = ""
        var afterLetter = false
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            result += afterLetter ? properties.lowercaseMapping : properties.titlecaseMapping
            afterLetter = properties.isCased
        }
        return result
    }

    /// Whether all cased letters have the wanted case and there is one.
    static func hasCase(_ text: String, upper: Bool) -> Bool {
        var found = false
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
                guard upper else { return false }
                found = true
            } else if properties.isLowercase {
                guard !upper else { return false }
                found = true
            }
        }
        return found
    }

    /// Text with the five characters that HTML gives a meaning escaped.
    static func htmlEscaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&#34;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
