/// Turns text into the token ids of a model, and ids into text.
///
/// A value is immutable once loaded and may be shared between threads. Text goes through the
/// stages of the reference `tokenizers` package: added tokens are cut out, the rest is
/// normalized and split into pieces, the model turns pieces into ids, and ids that open and close
/// a text are put around them.
public struct Tokenizer: Sendable {
    /// The ids of tokens with a role, as far as the files name them.
    public struct SpecialTokens: Sendable, Equatable {
        /// The token that begins a text.
        public var bos: Int32?
        /// The token that ends a text.
        public var eos: Int32?
        /// The token that ends a turn of a chat.
        public var eot: Int32?
        /// The token that stands for what the vocabulary lacks.
        public var unknown: Int32?
        /// The token that fills batches.
        public var padding: Int32?
        /// The token that separates texts.
        public var separator: Int32?
        /// The token that hides a word.
        public var mask: Int32?

        /// No roles.
        public init() {}
    }

    enum Model: Sendable {
        case bpe(BPEModel)
        case scoreMerge(ScoreMergeModel)
        case unigram(UnigramModel)
        case wordPiece(WordPieceModel)
    }

    let vocabulary: Vocabulary
    let added: AddedTokens
    let normalizers: [Normalizer]
    let preTokenizers: [PreTokenizer]
    let model: Model
    /// Whether the model takes bytes, so that they need not become characters first.
    let modelTakesBytes: Bool
    let prefix: [Int32]
    let suffix: [Int32]
    let decoder: [DecoderStep]

    /// The tokens with a role.
    public let special: SpecialTokens

    /// The ids that decoding can leave out and that text spells only when asked for.
    public let specialIDs: Set<Int32>

    init(_ parts: TokenizerParts) {
        vocabulary = parts.vocabulary
        let normalizers = parts.normalizers
        self.normalizers = normalizers
        added = AddedTokens(parts.added) { text in
            normalizers.reduce(text) { $1.normalized($0) }
        }
        preTokenizers = parts.preTokenizers
        model = parts.model
        modelTakesBytes = parts.modelTakesBytes
        prefix = parts.prefix
        suffix = parts.suffix
        decoder = parts.decoder.isEmpty ? [.joinedBySpaces] : parts.decoder
        special = parts.special
        specialIDs = added.specialIDs
    }

    /// One more than the greatest token id, which is the number of tokens when none is left out.
    public var vocabularySize: Int { vocabulary.idEnd }

    /// The id of a token by its text in the vocabulary, compared byte by byte, or nil.
    public func id(of token: String) -> Int32? { vocabulary.id(of: Array(token.utf8)) }

    /// The text of a token as the vocabulary has it, or nil for an id without one.
    public func piece(of id: Int32) -> String? {
        vocabulary[id].map { String(decoding: $0, as: UTF8.self) }
    }

    /// The ids at which a text that a model makes is over: the end of the text or of its turn.
    public var stopIDs: Set<Int32> { Set([special.eos, special.eot].compactMap { $0 }) }
}

/// What a file says about a tokenizer.
struct TokenizerParts {
    var vocabulary: Vocabulary
    var added: [AddedToken] = []
    var normalizers: [Normalizer] = []
    var preTokenizers: [PreTokenizer] = []
    var model: Tokenizer.Model
    var modelTakesBytes = false
    var prefix: [Int32] = []
    var suffix: [Int32] = []
    var decoder: [DecoderStep] = []
    var special = Tokenizer.SpecialTokens()
}

extension Tokenizer {
    /// The ids of a text.
    ///
    /// - Parameters:
    ///   - text: Any text; an empty one has the opening and closing ids only.
    ///   - addSpecialTokens: Whether the ids that open and close a text are added.
    ///   - parseSpecial: Whether special tokens spelled in the text become those tokens. Leave it
    ///     off for text from outside: it could end the turn or speak in another role.
    /// - Complexity: O(n log n) in the bytes of the text.
    public func encode(
        _ text: String, addSpecialTokens: Bool = true, parseSpecial: Bool = false
    ) -> [Int32] {
        encodeValid(
            Array(text.utf8), addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial)
    }

    /// The ids of a text given as bytes.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8; every ill-formed part counts as U+FFFD.
    ///   - addSpecialTokens: Whether those that begin and end a text are added.
    ///   - parseSpecial: Whether special tokens that are spelled out count as such.
    public func encode(
        _ bytes: [UInt8], addSpecialTokens: Bool = true, parseSpecial: Bool = false
    ) -> [Int32] {
        encodeValid(
            UTF8Text.repaired(bytes), addSpecialTokens: addSpecialTokens,
            parseSpecial: parseSpecial)
    }

    private func encodeValid(
        _ text: [UInt8], addSpecialTokens: Bool, parseSpecial: Bool
    ) -> [Int32] {
        var state = EncodingState()
        state.ids.reserveCapacity(text.count / 3 + 2)
        if addSpecialTokens { state.ids.append(contentsOf: prefix) }
        for part in added.parts(ofRaw: text, parsesSpecial: parseSpecial) {
            switch part {
            case .token(let id): state.ids.append(id)
            case .text(let range):
                let isWhole = range.count == text.count
                encodeRaw(
                    isWhole ? text : Array(text[range]), startsInput: range.lowerBound == 0,
                    parseSpecial: parseSpecial, into: &state)
            }
        }
        if addSpecialTokens { state.ids.append(contentsOf: suffix) }
        return state.ids
    }

    private func encodeRaw(
        _ text: [UInt8], startsInput: Bool, parseSpecial: Bool, into state: inout EncodingState
    ) {
        let text = normalizers.reduce(text) { $1.normalized($0) }
        for part in added.parts(ofNormalized: text, parsesSpecial: parseSpecial) {
            switch part {
            case .token(let id): state.ids.append(id)
            case .text(let range):
                let isWhole = range.count == text.count
                var pieces = Pieces(
                    text: isWhole ? text : Array(text[range]), ranges: [0..<range.count],
                    startsInput: startsInput && range.lowerBound == 0)
                for (index, step) in preTokenizers.enumerated() {
                    let isLast = index == preTokenizers.count - 1
                    step.apply(to: &pieces, mapsBytes: !(modelTakesBytes && isLast))
                }
                encode(pieces, into: &state)
            }
        }
    }

    private func encode(_ pieces: Pieces, into state: inout EncodingState) {
        switch model {
        case .bpe(let model):
            for range in pieces.ranges where !range.isEmpty {
                model.encode(pieces.text, range, into: &state)
            }
        case .scoreMerge(let model):
            for range in pieces.ranges where !range.isEmpty {
                model.encode(pieces.text, range, into: &state)
            }
        case .unigram(let model):
            for range in pieces.ranges where !range.isEmpty {
                model.encode(pieces.text, range, into: &state)
            }
        case .wordPiece(let model):
            for range in pieces.ranges where !range.isEmpty {
                model.encode(pieces.text, range, into: &state)
            }
        }
    }
}

extension Tokenizer {
    /// The text of token ids; ids outside the vocabulary give none.
    ///
    /// - Parameters:
    ///   - ids: Any ids.
    ///   - skipSpecial: Whether special tokens are left out.
    public func decode(_ ids: [Int32], skipSpecial: Bool = true) -> String {
        var decoder = StreamingDecoder(self, skipSpecial: skipSpecial)
        var text: [UInt8] = []
        for id in ids { text.append(contentsOf: decoder.pushBytes(id)) }
        text.append(contentsOf: decoder.finishBytes())
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that a token adds within a text, or nil for special tokens, ids without a token,
    /// and tokenizers whose tokens change with those beside them.
    ///
    /// Characters can be spread over tokens, so they need not be valid UTF-8.
    public func bytes(of id: Int32) -> [UInt8]? {
        guard !specialIDs.contains(id), let token = decodedBytes(of: id, skipSpecial: true) else {
            return nil
        }
        var bytes = token
        var joined = false
        for step in decoder {
            // What strips the ends of a whole text leaves what is within.
            if case .strip = step, joined { continue }
            guard let next = step.within(bytes) else { return nil }
            bytes = next
            joined = step.joinsTokens(joined)
        }
        return bytes
    }

    /// What the decoder's steps start from, or nil for an id that gives no text.
    func decodedBytes(of id: Int32, skipSpecial: Bool) -> [UInt8]? {
        if skipSpecial, added.isSkipped(id) { return nil }
        return added.text(of: id) ?? vocabulary[id].map { Array($0) }
    }
}
