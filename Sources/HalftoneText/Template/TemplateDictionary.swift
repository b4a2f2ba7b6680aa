/// A Python dictionary: keeps the order of insertion and tells keys apart by Unicode scalars.
struct TemplateDictionary {
    private(set) var keys: [TemplateValue] = []
    private(set) var values: [TemplateValue] = []
    private var positions: [TemplateKey: Int] = [:]

    var count: Int { keys.count }

    /// Keys and values as tuples.
    var items: [TemplateValue] { zip(keys, values).map { .tuple([$0, $1]) } }

    subscript(key: TemplateKey) -> TemplateValue? { positions[key].map { values[$0] } }

    subscript(text name: String) -> TemplateValue? {
        get { self[.text(ScalarText(name))] }
        set {
            if let newValue { insert(newValue, for: .string(name), key: .text(ScalarText(name))) }
        }
    }

    /// Sets a member; the key that was there first stays.
    mutating func insert(_ value: TemplateValue, for name: TemplateValue, key: TemplateKey) {
        if let position = positions[key] {
            values[position] = value
        } else {
            positions[key] = keys.count
            keys.append(name)
            values.append(value)
        }
    }
}

/// Text that equals other text only when all scalars do, unlike `String`.
struct ScalarText: Hashable {
    let value: String

    init(_ value: String) { self.value = value }

    static func == (left: ScalarText, right: ScalarText) -> Bool {
        left.value.utf8.elementsEqual(right.value.utf8)
    }

    func hash(into hasher: inout Hasher) {
        for byte in value.utf8 { hasher.combine(byte) }
    }
}

/// What a dictionary tells keys apart by: in Python 1, 1.0 and True are one key.
enum TemplateKey: Hashable {
    case text(ScalarText)
    case integer(Int)
    case number(Double)
    case none
    case tuple([TemplateKey])

    /// The key of a value, or nil for one that Python cannot hash.
    init?(_ value: TemplateValue) {
        switch value {
        case .string(let text), .markup(let text): self = .text(ScalarText(text))
        case .integer(let value): self = .integer(value)
        case .bool(let value): self = .integer(value ? 1 : 0)
        case .float(let value):
            if let whole = Int(exactly: value) {
                self = .integer(whole)
            } else {
                self = .number(value)
            }
        case .none: self = .none
        case .tuple(let elements):
            var keys: [TemplateKey] = []
            for element in elements {
                guard let key = TemplateKey(element) else { return nil }
                keys.append(key)
            }
            self = .tuple(keys)
        default: return nil
        }
    }
}
