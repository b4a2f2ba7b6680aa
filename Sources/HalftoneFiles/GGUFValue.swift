import HalftoneKernels

/// A metadata value of a GGUF file, in the type it has there.
public enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case array(GGUFArray)
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)

    /// The id of the type in the file.
    public var typeID: Int32 {
        switch self {
        case .uint8: 0
        case .int8: 1
        case .uint16: 2
        case .int16: 3
        case .uint32: 4
        case .int32: 5
        case .float32: 6
        case .bool: 7
        case .string: 8
        case .array: 9
        case .uint64: 10
        case .int64: 11
        case .float64: 12
        }
    }
}

/// An array of a GGUF file: all elements have one type.
public enum GGUFArray: Sendable, Equatable {
    case uint8([UInt8])
    case int8([Int8])
    case uint16([UInt16])
    case int16([Int16])
    case uint32([UInt32])
    case int32([Int32])
    case float32([Float])
    case bool([Bool])
    case strings(GGUFStrings)
    case uint64([UInt64])
    case int64([Int64])
    case float64([Double])

    /// The number of elements.
    public var count: Int {
        switch self {
        case .uint8(let array): array.count
        case .int8(let array): array.count
        case .uint16(let array): array.count
        case .int16(let array): array.count
        case .uint32(let array): array.count
        case .int32(let array): array.count
        case .float32(let array): array.count
        case .bool(let array): array.count
        case .strings(let array): array.count
        case .uint64(let array): array.count
        case .int64(let array): array.count
        case .float64(let array): array.count
        }
    }

    /// The id of the elements' type in the file.
    public var elementTypeID: Int32 {
        switch self {
        case .uint8: 0
        case .int8: 1
        case .uint16: 2
        case .int16: 3
        case .uint32: 4
        case .int32: 5
        case .float32: 6
        case .bool: 7
        case .strings: 8
        case .uint64: 10
        case .int64: 11
        case .float64: 12
        }
    }
}

extension GGUFValue {
    /// The text of a string.
    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The value of a truth value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The value of an integer of any type that fits an `Int`.
    public var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        default: nil
        }
    }

    /// The value of a float, or of an integer of any type.
    public var double: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        case .uint64(let value): Double(value)
        default: integer.map(Double.init)
        }
    }

    /// The elements of an array of strings.
    public var strings: GGUFStrings? {
        if case .array(.strings(let strings)) = self { strings } else { nil }
    }

    /// The elements of an array of integers of any type that fit `Int`.
    public var integers: [Int]? {
        guard case .array(let array) = self else { return nil }
        switch array {
        case .uint8(let values): return values.map(Int.init)
        case .int8(let values): return values.map(Int.init)
        case .uint16(let values): return values.map(Int.init)
        case .int16(let values): return values.map(Int.init)
        case .uint32(let values): return values.map(Int.init)
        case .int32(let values): return values.map(Int.init)
        case .int64(let values): return values.map(Int.init)
        case .uint64(let values):
            let exact = values.compactMap { Int(exactly: $0) }
            return exact.count == values.count ? exact : nil
        default: return nil
        }
    }

    /// The elements of an array of floats.
    public var floats: [Float]? {
        switch self {
        case .array(.float32(let values)): values
        case .array(.float64(let values)): values.map(Float.init)
        default: nil
        }
    }

    /// The elements of an array of truth values.
    public var bools: [Bool]? { if case .array(.bool(let values)) = self { values } else { nil } }
}
