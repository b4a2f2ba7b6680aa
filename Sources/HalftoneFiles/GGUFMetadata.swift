/// The metadata of a GGUF file: keys and values in the order of the file.
public struct GGUFMetadata: Sendable, Equatable {
    /// Keys and values in order.
    public private(set) var entries: [(key: String, value: GGUFValue)] = []
    private var positions: [ExactString: Int] = [:]

    /// Metadata without entries.
    public init() {}

    /// The number of entries.
    public var count: Int { entries.count }

    /// The value of a key; assigning nil removes it, assigning to a new key appends.
    public subscript(key: String) -> GGUFValue? {
        get { positions[ExactString(key)].map { entries[$0].value } }
        set {
            if let position = positions[ExactString(key)] {
                if let newValue {
                    entries[position].value = newValue
                } else {
                    entries.remove(at: position)
                    positions = [:]
                    for (index, entry) in entries.enumerated() {
                        positions[ExactString(entry.key)] = index
                    }
                }
            } else if let newValue {
                positions[ExactString(key)] = entries.count
                entries.append((key, newValue))
            }
        }
    }

    /// Whether two have the same entries in the same order.
    public static func == (left: GGUFMetadata, right: GGUFMetadata) -> Bool {
        left.entries.elementsEqual(right.entries) {
            ExactString($0.key) == ExactString($1.key) && $0.value == $1.value
        }
    }
}

extension GGUFMetadata: ExpressibleByDictionaryLiteral {
    /// Creates metadata from keys and values; a repeated key keeps the last value.
    public init(dictionaryLiteral elements: (String, GGUFValue)...) {
        self.init()
        for (key, value) in elements { self[key] = value }
    }
}
