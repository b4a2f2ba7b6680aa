extension CacheFormat {
    /// The format with a name: a number format, `float32`, `float16` or `bfp` with the bits, and
    /// perhaps a group: `int8`, `uint4/channel32`, `nf4/token64`, `bfp4/token16`.
    ///
    /// Without a group, block floats have groups of 16 channels of a token; numbers of 8 bits have
    /// all channels of a token; of fewer bits, keys have 32 tokens of a channel and values 32
    /// channels of a token.
    ///
    /// Of keys, `/fourier` at the end stores Fourier coefficients: `binary/channel32/fourier`.
    ///
    /// - Parameters:
    ///   - name: The name, in lower case but for names of number formats that have capitals.
    ///   - isKeys: Whether the group is that of keys if there is none in the name.
    /// - Throws: ``KeyValuePolicyError``.
    public init(named name: String, isKeys: Bool) throws(KeyValuePolicyError) {
        var parts = name.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let kind = String(parts[0])
        let isFourier = isKeys && parts.count > 1 && parts[parts.count - 1] == "fourier"
        if isFourier { parts.removeLast() }
        guard parts.count < 3 else { throw .badGroup(name) }
        let elements: Elements
        switch kind {
        case "float32", "f32": elements = .float32
        case "float16", "f16": elements = .float16
        default:
            if kind.hasPrefix("bfp") {
                guard let bits = Int(kind.dropFirst(3)), (2...8).contains(bits),
                    kind == "bfp\(bits)"
                else { throw .unknownFormat(kind) }
                elements = .blockFloat(bits: bits)
            } else if let format = NumberFormat(named: kind), format.range.upperBound > 0 {
                elements = .numbers(format)
            } else {
                throw .unknownFormat(kind)
            }
        }
        self.init(elements)
        self.isFourier = isFourier
        guard parts.count == 2 else {
            if case .blockFloat = elements {
                groupSize = 16
            } else if hasGroups, bits < 8 {
                axis = isKeys ? .channel : .token
                groupSize = 32
            }
            return
        }
        guard hasGroups else { throw .groupOfFloats(name) }
        let group = parts[1]
        guard let axis = [Axis.token, .channel].first(where: { group.hasPrefix($0.rawValue) })
        else { throw .badGroup(name) }
        self.axis = axis
        let digits = group.dropFirst(axis.rawValue.count)
        guard !digits.isEmpty else { return }
        guard let size = Int(digits), "\(size)" == digits,
            Self.isPossible(groupSize: size, axis: axis)
        else { throw .badGroup(name) }
        groupSize = size
    }
}

extension CacheFormat: CustomStringConvertible {
    /// The name with the group, as ``init(named:isKeys:)`` reads it.
    public var description: String {
        let name =
            switch elements {
            case .float32: "float32"
            case .float16: "float16"
            case .blockFloat(let bits): "bfp\(bits)"
            case .numbers(let format): "\(format)"
            }
        let transform = isFourier ? "/fourier" : ""
        guard hasGroups else { return name + transform }
        return "\(name)/\(axis.rawValue)" + (groupSize.map { "\($0)" } ?? "") + transform
    }
}

extension KeyValuePolicy {
    /// Reads a policy: `FORMAT`, or `K:FORMAT` and `V:FORMAT`, and settings, with commas between.
    ///
    /// Settings are `window=TOKENS`, `protect=TOKENS` and `order=model`, `weights`, `magnitudes` or
    /// `ranges`. `K:COUNTxFORMAT+FORMAT` has a format for the first channels in that order:
    /// `K:32xuint2/channel32+binary/channel32,order=ranges`. Formats are those of
    /// ``CacheFormat/init(named:isKeys:)``; what is not named is float32. The window is 0 unless it
    /// is set.
    ///
    /// - Throws: ``KeyValuePolicyError``.
    public init(parsing text: String) throws(KeyValuePolicyError) {
        self = .float32
        var seen: Set<Substring> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let separator = item.firstIndex { $0 == ":" || $0 == "=" }
            let name = separator.map { item[..<$0] } ?? ""
            let value = separator.map { String(item[item.index(after: $0)...]) } ?? String(item)
            guard seen.insert(name).inserted else { throw .repeated(String(item)) }
            switch separator.map({ String(item[...$0]) }) {
            case nil:
                keys = try CacheFormat(named: value, isKeys: true)
                values = try CacheFormat(named: value, isKeys: false)
                guard seen.isDisjoint(with: ["K", "V"]) else { throw .repeated(String(item)) }
            case "K:":
                guard !seen.contains("") else { throw .repeated(String(item)) }
                try readKeys(value)
            case "V:":
                guard !seen.contains("") else { throw .repeated(String(item)) }
                values = try CacheFormat(named: value, isKeys: false)
            case "window=": window = try Self.count(item, value, Self.largestWindow)
            case "protect=":
                protectedTokens = try Self.count(item, value, Self.mostProtectedTokens)
            case "order=":
                guard let order = KeyOrder(rawValue: value) else {
                    throw .badSetting(String(item))
                }
                keyOrder = order
            default: throw .badSetting(String(item))
            }
        }
        guard !seen.isDisjoint(with: ["", "K", "V"]) else { throw .noFormat(text) }
    }

    /// Reads `FORMAT` or `COUNTxFORMAT+FORMAT`.
    private mutating func readKeys(_ text: String) throws(KeyValuePolicyError) {
        guard let plus = text.firstIndex(of: "+") else {
            keys = try CacheFormat(named: text, isKeys: true)
            return
        }
        let leading = text[..<plus]
        guard let times = leading.firstIndex(of: "x"), let channels = Int(leading[..<times]),
            "\(channels)" == leading[..<times],
            CacheFormat.isPossible(groupSize: channels, axis: .token)
        else { throw .badChannels(text) }
        leadingKeys = LeadingChannels(
            channels: channels,
            format: try CacheFormat(
                named: String(leading[leading.index(after: times)...]), isKeys: true))
        keys = try CacheFormat(named: String(text[text.index(after: plus)...]), isKeys: true)
    }

    private static func count(
        _ item: Substring, _ value: String, _ most: Int
    ) throws(KeyValuePolicyError) -> Int {
        guard let count = Int(value), "\(count)" == value else { throw .badSetting(String(item)) }
        guard (0...most).contains(count) else { throw .tooMany(String(item), most: most) }
        return count
    }
}

extension KeyValuePolicy: CustomStringConvertible {
    /// The policy as ``init(parsing:)`` reads it.
    public var description: String {
        "K:" + (leadingKeys.map { "\($0.channels)x\($0.format)+" } ?? "") + "\(keys),V:\(values)"
            + (window > 0 ? ",window=\(window)" : "")
            + (protectedTokens > 0 ? ",protect=\(protectedTokens)" : "")
            + (keyOrder == .model ? "" : ",order=\(keyOrder.rawValue)")
    }
}

/// Why a text is no policy.
public enum KeyValuePolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No element format has the name.
    case unknownFormat(String)
    /// A group that cannot be stored.
    case badGroup(String)
    /// Channels with a format of their own that cannot be.
    case badChannels(String)
    /// Floats have no groups.
    case groupOfFloats(String)
    /// A part that is neither a format nor a setting.
    case badSetting(String)
    /// A part is given twice.
    case repeated(String)
    /// More tokens than can stay floats.
    case tooMany(String, most: Int)
    /// Nothing says how keys or values are stored.
    case noFormat(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unknownFormat(let name):
            "\"\(name)\" is no format of keys and values; float32, float16, bfp4, int8, uint4, "
                + "nf4 and e4m3 are"
        case .badGroup(let name):
            "\(name): a group is token or channel, with a size: token16, token32 and so on in steps "
                + "of 16, or channel16, channel32, channel64, channel128 or channel256"
        case .badChannels(let text):
            "\(text): the first channels of keys have a format of their own as in "
                + "32xuint2/channel32+binary/channel32, in steps of 16 channels"
        case .groupOfFloats(let name): "\(name): floats have no groups"
        case .badSetting(let item):
            "\"\(item)\" is no part of a policy; K:FORMAT, V:FORMAT, window=64, protect=4 and "
                + "order=weights are"
        case .repeated(let item): "\"\(item)\" says again what was said before it"
        case .tooMany(let item, let most): "\(item): at most \(most) tokens"
        case .noFormat(let text):
            "\"\(text)\" does not say how keys and values are stored; int8 or K:uint4,V:uint4 do"
        }
    }
}
