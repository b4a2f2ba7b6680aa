/// A JSON document that keeps the order of object members.
///
/// Files of models are read through ``JSONParser``, which refuses what Foundation's reader lets
/// pass (duplicate members, unbounded nesting) and keeps the order that chat templates print.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits 64 bits.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object in the order of the document.
///
/// Names are compared byte by byte: two spellings of one letter are two members, as they are two
/// tokens in a vocabulary.
public struct JSONObject: Sendable, Equatable {
    /// Names and values in document order.
    public private(set) var members: [(name: String, value: JSONValue)]
    /// Where each name is; kept only for objects of more than ``scannedCount`` members.
    private var positions: [ExactString: Int]
    private static let scannedCount = 8

    /// An object without members.
    public init() {
        members = []
        positions = [:]
    }

    /// The number of members.
    public var count: Int { members.count }

    /// The value of a member; assigning nil removes it, assigning to a new name appends.
    public subscript(name: String) -> JSONValue? {
        get { position(of: name).map { members[$0].value } }
        set {
            if let position = position(of: name) {
                if let newValue {
                    members[position].value = newValue
                } else {
                    members.remove(at: position)
                    positions = [:]
                    if members.count > Self.scannedCount { indexMembers() }
                }
            } else if let newValue {
                add(name, newValue)
            }
        }
    }

    /// Adds a member at the end unless its name is taken.
    ///
    /// - Returns: Whether the member was added.
    package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
        if members.count > Self.scannedCount {
            // One look-up for both the question and the entry.
            let key = ExactString(name)
            if let taken = positions.updateValue(members.count, forKey: key) {
                positions[key] = taken
                return false
            }
            members.append((name, value))
            return true
        }
        guard position(of: name) == nil else { return false }
        add(name, value)
        return true
    }

    /// Whether two objects have the same members, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count
            && left.members.allSatisfy { right[$0.name] == $0.value }
    }

    private func position(of name: String) -> Int? {
        if members.count > Self.scannedCount { return positions[ExactString(name)] }
        return members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    private mutating func add(_ name: String, _ value: JSONValue) {
        members.append((name, value))
        if members.count == Self.scannedCount + 1 {
            indexMembers()
        } else if members.count > Self.scannedCount {
            positions[ExactString(name)] = members.count - 1
        }
    }

    private mutating func indexMembers() {
        for (index, member) in members.enumerated() {
            positions[ExactString(member.name)] = index
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Creates an object from names and values; a repeated name keeps the last value.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init()
        for (name, value) in elements { self[name] = value }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object; a repeated name keeps the last value.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }
}

extension JSONValue {
    /// The member of an object, or nil when this is no object or lacks it.
    public subscript(name: String) -> JSONValue? {
        if case .object(let object) = self { object[name] } else { nil }
    }

    /// The text of a string.
    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The value of a truth value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The value of a number that is whole and fits an `Int`.
    public var integer: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The value of any number.
    public var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The elements of an array.
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members of an object.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
}
