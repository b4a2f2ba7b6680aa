import HalftoneTensor

/// An endless stream of English-like documents in which facts hang together.
///
/// A text tells who is where and has what, counts, compares, relates small tales and repeats facts
/// about the world; most ask questions whose answers follow from what was told up to some 200
/// tokens before. About half are conversations. Every document is made from the seed, the split
/// and its index alone, so a reader can start anywhere and several can share one stream.
///
/// The splits have no document in common: which one a document belongs to follows from a hash of
/// its text, and the generator of a split passes over what belongs to the other.
///
///     let text = StoryText(seed: 1)
///     print(text.document(at: 0, of: .training).text)
public struct StoryText: Sendable {
    /// Which documents a stream holds.
    public enum Split: UInt64, Sendable, CaseIterable {
        /// 15 of 16 documents.
        case training = 1
        /// The other sixteenth, for measuring.
        case heldOut = 2
    }

    /// The token that stands between documents and ends a text.
    public static let endOfText = "<|endoftext|>"
    /// The tokens that open and close a turn of a conversation.
    public static let turnStart = "<|im_start|>"
    /// The token that closes a turn.
    public static let turnEnd = "<|im_end|>"

    /// The special tokens of a tokenizer for these texts, in the order of their ids.
    public static let specialTokens = [endOfText, turnStart, turnEnd]

    /// The chat template, in the language of Hugging Face templates, that writes conversations as
    /// the documents do.
    public static let chatTemplate = """
        {% for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """

    /// The seed of all documents.
    public let seed: UInt64

    /// How many of 100 documents are conversations.
    public let chatPercentage: Int

    /// Sets up a stream; nothing is made yet.
    ///
    /// - Parameters:
    ///   - seed: Equal seeds give equal documents.
    ///   - chatPercentage: 0 to 100.
    public init(seed: UInt64, chatPercentage: Int = 50) {
        precondition((0...100).contains(chatPercentage), "a percentage of \(chatPercentage)")
        self.seed = seed
        self.chatPercentage = chatPercentage
    }

    /// The document at a place of a split's stream.
    ///
    /// - Parameters:
    ///   - index: At least 0.
    ///   - split: Which stream of the seed.
    /// - Complexity: O(length); a held-out document makes 16 on average to find one.
    public func document(at index: Int, of split: Split) -> StoryDocument {
        var random = SeededGenerator(
            seed: seed, stream: split.rawValue, index: UInt64(bitPattern: Int64(index)))
        while true {
            let document = makeDocument(&random)
            if Self.split(of: document.text) == split { return document }
        }
    }

    /// The split that a document with this text belongs to.
    public static func split(of text: String) -> Split {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // The low bits of this hash see little of the first bytes.
        let mixed = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return mixed >> 60 == 0 ? .heldOut : .training
    }

    /// Documents one after another, each followed by ``endOfText`` and a line feed, until there
    /// are at least as many bytes as wanted.
    ///
    /// - Parameters:
    ///   - byteCount: Bytes wanted; the last document is whole.
    ///   - split: The stream to read.
    ///   - first: The index of the first document.
    public func text(byteCount: Int, of split: Split, from first: Int = 0) -> String {
        var text = ""
        text.reserveCapacity(byteCount + 4096)
        var index = first
        while text.utf8.count < byteCount {
            text += document(at: index, of: split).text
            text += Self.endOfText + "\n"
            index += 1
        }
        return text
    }

    private func makeDocument(_ random: inout SeededGenerator) -> StoryDocument {
        let episode: Episode
        switch random.below(100) {
        case ..<26: episode = WorldEpisode.make(&random)
        case ..<38: episode = CountingEpisode.make(&random)
        case ..<48: episode = ComparisonEpisode.make(&random)
        case ..<76: episode = TaleEpisode.make(&random)
        default: episode = LessonEpisode.make(&random)
        }
        return random.below(100) < chatPercentage
            ? StoryFrame.chat(episode, &random) : StoryFrame.plain(episode, &random)
    }
}
