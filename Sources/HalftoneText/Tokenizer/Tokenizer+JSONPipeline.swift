import HalftoneFiles

extension PreTokenizer {
    var isByteLevel: Bool { if case .byteLevel = self { true } else { false } }
}

extension Tokenizer {
    /// Reads a normalizer; a sequence becomes its steps.
    static func normalizers(_ field: JSONFields) throws(TokenizerError) -> [Normalizer] {
        let type = try field.required("type").text()
        switch type {
        case "Sequence":
            var steps: [Normalizer] = []
            for step in try field.required("normalizers").elements() {
                steps += try normalizers(step)
            }
            return steps
        case "NFC": return [.unicode(.composed)]
        case "NFD": return [.unicode(.decomposed)]
        case "NFKC": return [.unicode(.compatibilityComposed)]
        case "NFKD": return [.unicode(.compatibilityDecomposed)]
        case "Lowercase": return [.lowercase]
        case "StripAccents": return [.stripAccents]
        case "ByteLevel": return [.byteLevel]
        case "Nmt": return [.translation]
        case "Strip":
            return [
                .strip(
                    left: try field.flag("strip_left", default: true),
                    right: try field.flag("strip_right", default: true))
            ]
        case "Prepend": return [.prepend(try field.required("prepend").bytes())]
        case "Replace":
            return [
                .replace(
                    try pattern(try field.required("pattern")),
                    with: try field.required("content").bytes())
            ]
        case "BertNormalizer":
            return [
                .bert(
                    BertNormalizer(
                        cleansText: try field.flag("clean_text", default: true),
                        isolatesIdeographs: try field.flag("handle_chinese_chars", default: true),
                        stripsAccents: try field["strip_accents"]?.flag(),
                        lowercases: try field.flag("lowercase", default: true)))
            ]
        default:
            throw .unsupported(
                field: "\(field.path).type", value: type,
                supported: "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, "
                    + "Prepend, Replace, BertNormalizer, ByteLevel, Nmt")
        }
    }

    /// Reads a pre-tokenizer; a sequence becomes its steps.
    static func preTokenizers(_ field: JSONFields) throws(TokenizerError) -> [PreTokenizer] {
        let type = try field.required("type").text()
        switch type {
        case "Sequence":
            var steps: [PreTokenizer] = []
            for step in try field.required("pretokenizers").elements() {
                steps += try preTokenizers(step)
            }
            return steps
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: try field.flag("add_prefix_space", default: true),
                    splits: try field.flag("use_regex", default: true))
            ]
        case "Metaspace":
            return [
                .metaspace(
                    replacement: try field.required("replacement").bytes(),
                    scheme: try prependScheme(field),
                    splits: try field.flag("split", default: true))
            ]
        case "Split":
            return [
                .split(
                    try pattern(try field.required("pattern")), try behavior(field),
                    inverted: try field.flag("invert", default: false))
            ]
        case "Digits":
            return [.digits(individual: try field.flag("individual_digits", default: false))]
        case "Punctuation": return [.punctuation(try behavior(field))]
        case "Whitespace": return [.whitespace]
        case "WhitespaceSplit": return [.whitespaceSplit]
        case "BertPreTokenizer": return [.bert]
        case "CharDelimiterSplit":
            return [
                .split(
                    .literal(try field.required("delimiter").bytes()), .removed, inverted: false)
            ]
        default:
            throw .unsupported(
                field: "\(field.path).type", value: type,
                supported: "Sequence, ByteLevel, Metaspace, Split, Digits, Punctuation, "
                    + "Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit")
        }
    }

    /// Reads a decoder; a sequence becomes its steps.
    static func decoderSteps(_ field: JSONFields) throws(TokenizerError) -> [DecoderStep] {
        let type = try field.required("type").text()
        switch type {
        case "Sequence":
            var steps: [DecoderStep] = []
            for step in try field.required("decoders").elements() {
                steps += try decoderSteps(step)
            }
            return steps
        case "ByteLevel": return [.byteLevel]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Replace":
            return [
                .replace(
                    try pattern(try field.required("pattern")),
                    with: try field.required("content").bytes())
            ]
        case "Strip":
            return [
                .strip(
                    try field.required("content").scalar(),
                    start: max(0, try field["start"]?.integer() ?? 0),
                    stop: max(0, try field["stop"]?.integer() ?? 0))
            ]
        case "Metaspace":
            return [
                .metaspace(
                    replacement: try field.required("replacement").bytes(),
                    dropsFirst: try prependScheme(field) != .never)
            ]
        case "WordPiece":
            return [
                .wordPiece(
                    prefix: Array((try field.text("prefix") ?? "##").utf8),
                    cleansUp: try field.flag("cleanup", default: true))
            ]
        case "BPEDecoder":
            return [.wordEnd(suffix: Array((try field.text("suffix") ?? "</w>").utf8))]
        default:
            throw .unsupported(
                field: "\(field.path).type", value: type,
                supported: "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, "
                    + "WordPiece, BPEDecoder")
        }
    }

    /// An id with the place that it was read from.
    typealias PlacedID = (field: String, id: Int)

    /// Reads the ids around a text; a sequence puts each step's around those before.
    static func templates(
        _ field: JSONFields
    ) throws(TokenizerError) -> (prefix: [PlacedID], suffix: [PlacedID]) {
        let type = try field.required("type").text()
        switch type {
        case "Sequence":
            var around: (prefix: [PlacedID], suffix: [PlacedID]) = ([], [])
            for step in try field.required("processors").elements() {
                let next = try templates(step)
                around = (next.prefix + around.prefix, around.suffix + next.suffix)
            }
            return around
        case "ByteLevel": return ([], [])
        case "RobertaProcessing", "BertProcessing":
            return ([try tokenAndID(field, "cls")], [try tokenAndID(field, "sep")])
        case "TemplateProcessing": return try template(field)
        default:
            throw .unsupported(
                field: "\(field.path).type", value: type,
                supported: "Sequence, ByteLevel, TemplateProcessing, RobertaProcessing, "
                    + "BertProcessing")
        }
    }

    private static func template(
        _ field: JSONFields
    ) throws(TokenizerError) -> (prefix: [PlacedID], suffix: [PlacedID]) {
        let single = try field.required("single")
        var around: (prefix: [PlacedID], suffix: [PlacedID]) = ([], [])
        var isAfter = false
        for item in try single.elements() {
            if let special = item["SpecialToken"] {
                let name = try special.required("id").text()
                let ids = try field.required("special_tokens").required(name).required("ids")
                for element in try ids.elements() {
                    let id = (element.path, try element.integer())
                    if isAfter { around.suffix.append(id) } else { around.prefix.append(id) }
                }
            } else if item["Sequence"] != nil, !isAfter {
                isAfter = true
            } else {
                throw .unsupported(
                    field: item.path, value: "\(item.value)",
                    supported: "special tokens around one sequence")
            }
        }
        return around
    }

    private static func tokenAndID(
        _ field: JSONFields, _ name: String
    ) throws(TokenizerError) -> PlacedID {
        let pair = try field.required(name)
        let elements = try pair.elements()
        guard elements.count == 2 else {
            throw .wrongType(field: pair.path, expected: "a token and its id")
        }
        return (elements[1].path, try elements[1].integer())
    }

    private static func pattern(_ field: JSONFields) throws(TokenizerError) -> TextPattern {
        if let literal = field["String"] { return .literal(try literal.bytes()) }
        guard let expression = try field.text("Regex") else {
            throw .missing(field: "\(field.path).Regex")
        }
        guard let pattern = TextPattern.known(expression) else {
            throw .unknownPattern(field: "\(field.path).Regex", pattern: expression)
        }
        return pattern
    }

    private static func behavior(
        _ field: JSONFields
    ) throws(TokenizerError) -> PreTokenizer.Behavior {
        guard let name = try field.text("behavior") else { return .isolated }
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
            throw .unsupported(
                field: "\(field.path).behavior", value: name,
                supported: "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous")
        }
        return behavior
    }

    private static func prependScheme(
        _ field: JSONFields
    ) throws(TokenizerError) -> PreTokenizer.PrependScheme {
        guard let name = try field.text("prepend_scheme") else {
            return try field.flag("add_prefix_space", default: true) ? .always : .never
        }
        guard let scheme = PreTokenizer.PrependScheme(rawValue: name) else {
            throw .unsupported(
                field: "\(field.path).prepend_scheme", value: name,
                supported: "always, first, never")
        }
        return scheme
    }
}
