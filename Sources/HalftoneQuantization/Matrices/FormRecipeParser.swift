import HalftoneFormats

/// Reads the text of a ``FormRecipe`` from left to right.
struct FormRecipeParser {
    private let text: String
    private var rest: Substring

    /// Parentheses within parentheses, and prefixes, at most.
    private static let maximumDepth = 16

    init(_ text: String) {
        self.text = text
        rest = text[...]
    }

    mutating func whole() throws(FormRecipeError) -> FormRecipe.Node {
        let node = try classes(depth: 0)
        guard rest.isEmpty else {
            throw FormRecipeError("\"\(text)\": nothing has to be at \"\(rest)\"")
        }
        return node
    }

    /// Forms with numbers of columns, or one form.
    private mutating func classes(depth: Int) throws(FormRecipeError) -> FormRecipe.Node {
        guard depth < Self.maximumDepth else {
            throw FormRecipeError("\"\(text)\" has forms in forms too deep")
        }
        var found: [FormRecipe.Class] = []
        repeat {
            let form = try sum(depth: depth)
            var one = FormRecipe.Class(amount: nil, form: form)
            if take("@") {
                let size = word()
                one.amount = try amount(size, of: "columns")
            }
            found.append(one)
        } while take(",")
        if found.count == 1, found[0].amount == nil { return found[0].form }
        guard found.dropLast().allSatisfy({ $0.amount != nil }) else {
            throw FormRecipeError(
                "\"\(text)\": every class of columns but the last needs a number, as in "
                    + "int4/64@25%,int2/64")
        }
        return .classes(found)
    }

    /// Stages, or a structure around what follows.
    private mutating func sum(depth: Int) throws(FormRecipeError) -> FormRecipe.Node {
        guard depth < Self.maximumDepth else {
            throw FormRecipeError("\"\(text)\" has forms in forms too deep")
        }
        var stages: [FormRecipe.Node] = []
        repeat {
            if take("(") {
                stages.append(try classes(depth: depth + 1))
                guard take(")") else { throw FormRecipeError("\"\(text)\" lacks a )") }
                continue
            }
            let name = word()
            let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                stages.append(.plain(try Self.plain(name)))
                continue
            }
            guard take("+") else {
                throw FormRecipeError("\"\(name)\" needs a form behind it, as in \(name)+int3/64")
            }
            let base = try sum(depth: depth + 1)
            switch parts[0] {
            case "columns":
                stages.append(.outlierColumns(try amount(parts[1], of: "columns"), base))
            case "sparse": stages.append(.sparse(try amount(parts[1], of: "elements"), base))
            case "rank":
                guard let rank = Self.number(parts[1]) else {
                    throw FormRecipeError("\"\(name)\": a rank is a number from 0 on")
                }
                stages.append(.lowRank(rank, base))
            default:
                throw FormRecipeError("\"\(name)\" is none of columns=, sparse= and rank=")
            }
            break
        } while take("+")
        return stages.count == 1 ? stages[0] : .residual(stages)
    }

    /// What stands up to the next sign.
    private mutating func word() -> Substring {
        let word = rest.prefix { !"+,@()".contains($0) }
        rest = rest.dropFirst(word.count)
        return word
    }

    private mutating func take(_ sign: Character) -> Bool {
        guard rest.first == sign else { return false }
        rest.removeFirst()
        return true
    }

    private func amount(
        _ word: Substring, of things: String
    ) throws(FormRecipeError) -> FormRecipe.Amount {
        if word.hasSuffix("%"), let percent = Double(word.dropLast()), (0...100).contains(percent) {
            return .percent(percent)
        }
        guard let count = Self.number(word) else {
            throw FormRecipeError(
                "\"\(text)\": \"\(word)\" is no number of \(things) such as 16 or 1%")
        }
        return .count(count)
    }

    /// A whole number from 0 on, in its usual spelling.
    private static func number(_ word: Substring) -> Int? {
        guard let number = Int(word), (0...1 << 40).contains(number), "\(number)" == word else {
            return nil
        }
        return number
    }

    /// A form that is no structure around others.
    private static func plain(_ word: Substring) throws(FormRecipeError) -> MatrixForm {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        func group(_ index: Int) throws(FormRecipeError) -> Granularity {
            guard parts.count > index else { return .group(64) }
            guard let granularity = Granularity(named: parts[index]) else {
                throw FormRecipeError(
                    "\"\(word)\": \"\(parts[index])\" is no number of weights that share a scale, "
                        + "channel, tensor or column")
            }
            return granularity
        }
        if parts.count == 1 {
            if let layout = BlockLayout(named: name) { return .blocks(layout) }
            if name == "complex" { return .complexUnits }
            if name == "affine-signs" { return .affineSigns }
            if let type = BlockType(named: name), !type.isPlain { return .gguf(type) }
        }
        if name == "dual-binary", parts.count <= 2 { return .dualBinary(try group(1)) }
        if name == "vectors", parts.count == 3, let dimension = number(parts[1][...]),
            let count = number(parts[2][...])
        {
            return .vectors(dimension: dimension, count: count)
        }
        if name == "signs", parts.count == 2, let rank = number(parts[1][...]) {
            return .signedLowRank(rank)
        }
        guard parts.count <= 3, let format = NumberFormat(named: name) else {
            throw FormRecipeError(
                "\"\(word)\" is no form such as e3m2/32/f16, nf4/64/e4m3:256, mxfp4, Q4_K, "
                    + "dual-binary/64, vectors/2/256, signs/16, complex or affine-signs")
        }
        let granularity = try group(1)
        guard parts.count == 3 else { return .scaled(format, granularity, .plain(.float16)) }
        if let scale = ScaleFormat(rawValue: parts[2]) {
            return .scaled(format, granularity, .plain(scale))
        }
        let double = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        if double.count == 3, double[0].first == "u", let bits = number(double[0].dropFirst()),
            let size = number(double[1]), let scale = ScaleFormat(rawValue: String(double[2]))
        {
            return .scaled(format, granularity, .offset(bits: bits, group: size, scale))
        }
        if double.count == 2, double[1] == "zeros",
            let scale = ScaleFormat(rawValue: String(double[0]))
        {
            return .scaled(format, granularity, .affine(scale))
        }
        guard double.count == 2, let second = NumberFormat(named: String(double[0])),
            let size = number(double[1]), size > 0
        else {
            throw FormRecipeError(
                "\"\(word)\": \"\(parts[2])\" is no way to store scales: "
                    + ScaleFormat.allCases.map(\.rawValue).joined(separator: ", ")
                    + " or codes such as e4m3:256 or u8:256:f16")
        }
        return .scaled(format, granularity, .quantized(second, group: size))
    }
}
