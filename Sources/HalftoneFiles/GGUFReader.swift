import HalftoneFormats
import HalftoneKernels

/// Reads one GGUF file: header, metadata, tensor descriptions and their bytes.
struct GGUFReader {
    private(set) var version: UInt32 = 0
    private(set) var metadata = GGUFMetadata()
    private(set) var tensors: [StoredTensor] = []
    private(set) var alignment = Self.defaultAlignment
    /// Bytes behind the padding of the last tensor.
    private(set) var trailingByteCount = 0

    static let defaultAlignment = 32
    static let maximumKeyByteCount = 65_535
    static let maximumTensorNameByteCount = 63
    static let maximumRank = 4
    private static let maximumStringByteCount = 1 << 26
    private static let maximumArrayCount = 1 << 27
    static let maximumTensorCount = 1 << 20
    static let maximumKeyCount = 1 << 16

    private struct Description {
        var name: String
        var shape: [Int]
        var type: BlockType
        var offset: UInt64
        var byteCount: Int
    }

    /// Reads and checks a whole file.
    init(_ bytes: Bytes) throws(FileError.Problem) {
        if let content = FileContent(bytes), content != .gguf {
            throw .wrongContent(content, expected: "a GGUF file")
        }
        do {
            var reader = ByteReader(bytes)
            guard try reader.read(UInt32.self, "magic") == 0x4655_4747 else {
                throw FileError.Problem.unknownContent(expected: "a GGUF file")
            }
            try readVersion(&reader)
            let tensorCount = try reader.readLength(ceiling: .max, "n_tensors")
            let keyCount = try reader.readLength(ceiling: .max, "n_kv")
            guard tensorCount <= Self.maximumTensorCount else {
                throw FileError.Problem.tooMany(
                    field: "tensors", found: tensorCount, allowed: Self.maximumTensorCount)
            }
            guard keyCount <= Self.maximumKeyCount else {
                throw FileError.Problem.tooMany(
                    field: "metadata keys", found: keyCount, allowed: Self.maximumKeyCount)
            }
            // The smallest entry: an empty name's length, a type and one byte.
            try reader.require(keyCount, elementsOfAtLeast: 13, "metadata")
            for _ in 0..<keyCount { try readEntry(&reader) }
            try readAlignment()
            // The smallest description: an empty name's length, n_dims, type and offset.
            try reader.require(tensorCount, elementsOfAtLeast: 24, "tensor descriptions")
            var descriptions: [Description] = []
            descriptions.reserveCapacity(tensorCount)
            for _ in 0..<tensorCount { descriptions.append(try Self.description(&reader)) }
            try place(descriptions, in: bytes, headerEnd: reader.offset)
        } catch let error as ByteReaderError {
            throw .field(error)
        } catch let problem as FileError.Problem {
            throw problem
        } catch {
            throw .unknownContent(expected: "a GGUF file")
        }
    }

    private mutating func readVersion(_ reader: inout ByteReader) throws {
        version = try reader.read(UInt32.self, "version")
        if version & 0xFFFF == 0, version != 0 { throw FileError.Problem.bigEndian }
        guard version == 2 || version == 3 else {
            throw FileError.Problem.unsupportedVersion(version)
        }
    }

    private mutating func readAlignment() throws(FileError.Problem) {
        guard let value = metadata["general.alignment"] else { return }
        guard case .uint32(let number) = value, number.nonzeroBitCount == 1 else {
            throw .invalidAlignment(found: value.integer.map(String.init) ?? "no u32")
        }
        alignment = Int(number)
    }
}

extension GGUFReader {
    private mutating func readEntry(_ reader: inout ByteReader) throws {
        let start = reader.offset
        let key = try reader.readString(ceiling: Self.maximumKeyByteCount, "a metadata key")
        guard !key.isEmpty else { throw FileError.Problem.emptyKey(offset: start) }
        let value = try Self.value(
            of: try reader.read(Int32.self, "the type of \(key)"), key: key, &reader)
        guard metadata[key] == nil else { throw FileError.Problem.duplicateKey(key) }
        metadata[key] = value
    }

    private static func value(
        of type: Int32, key: String, _ reader: inout ByteReader
    ) throws -> GGUFValue {
        switch type {
        case 0: return .uint8(try reader.read(UInt8.self, key))
        case 1: return .int8(try reader.read(Int8.self, key))
        case 2: return .uint16(try reader.read(UInt16.self, key))
        case 3: return .int16(try reader.read(Int16.self, key))
        case 4: return .uint32(try reader.read(UInt32.self, key))
        case 5: return .int32(try reader.read(Int32.self, key))
        case 6: return .float32(try reader.readFloat(key))
        case 7: return .bool(try reader.readBool(key))
        case 8: return .string(try reader.readString(ceiling: maximumStringByteCount, key))
        case 9: return .array(try array(key: key, &reader))
        case 10: return .uint64(try reader.read(UInt64.self, key))
        case 11: return .int64(try reader.read(Int64.self, key))
        case 12: return .float64(try reader.readDouble(key))
        default: throw FileError.Problem.unknownValueType(key: key, found: type)
        }
    }

    private static func array(key: String, _ reader: inout ByteReader) throws -> GGUFArray {
        let type = try reader.read(Int32.self, "the element type of \(key)")
        guard (0...12).contains(type) else {
            throw FileError.Problem.unknownValueType(key: key, found: type)
        }
        guard type != 9 else { throw FileError.Problem.nestedArray(key: key) }
        let count = try reader.readLength(
            ceiling: maximumArrayCount, "the number of elements of \(key)")
        switch type {
        case 0: return .uint8(try elements(count, key, &reader))
        case 1: return .int8(try elements(count, key, &reader))
        case 2: return .uint16(try elements(count, key, &reader))
        case 3: return .int16(try elements(count, key, &reader))
        case 4: return .uint32(try elements(count, key, &reader))
        case 5: return .int32(try elements(count, key, &reader))
        case 6:
            let bits: [UInt32] = try elements(count, key, &reader)
            return .float32(bits.map { Float(bitPattern: $0) })
        case 7:
            try reader.require(count, elementsOfAtLeast: 1, key)
            var values: [Bool] = []
            values.reserveCapacity(count)
            for index in 0..<count { values.append(try reader.readBool("\(key)[\(index)]")) }
            return .bool(values)
        case 8:
            try reader.require(count, elementsOfAtLeast: 8, key)
            return .strings(
                try GGUFStrings(&reader, count: count, ceiling: maximumStringByteCount, field: key))
        case 10: return .uint64(try elements(count, key, &reader))
        case 11: return .int64(try elements(count, key, &reader))
        default:
            let bits: [UInt64] = try elements(count, key, &reader)
            return .float64(bits.map { Double(bitPattern: $0) })
        }
    }

    private static func elements<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ count: Int, _ key: String, _ reader: inout ByteReader
    ) throws(ByteReaderError) -> [Integer] {
        let size = MemoryLayout<Integer>.size
        try reader.require(count, elementsOfAtLeast: size, key)
        let bytes = try reader.take(UInt64(count * size), key)
        return (0..<count).map { bytes.load(Integer.self, at: $0 * size) }
    }
}

extension GGUFReader {
    private static func description(_ reader: inout ByteReader) throws -> Description {
        let name = try reader.readString(ceiling: maximumTensorNameByteCount, "a tensor name")
        let rank = try reader.read(UInt32.self, "the number of dimensions of tensor \(name)")
        guard rank <= UInt32(maximumRank) else {
            throw FileError.Problem.shape(
                tensor: name, .tooManyDimensions(found: Int(rank), allowed: maximumRank))
        }
        var dimensions: [Int] = []
        for axis in 0..<rank {
            let size = try reader.read(Int64.self, "dimension \(axis) of tensor \(name)")
            dimensions.append(Int(size))
        }
        let id = try reader.read(Int32.self, "the type of tensor \(name)")
        let offset = try reader.read(UInt64.self, "the offset of tensor \(name)")
        guard let type = BlockType(rawValue: id) else {
            throw FileError.Problem.unknownTensorType(
                tensor: name, reason: BlockType.reasonForRefusing(id: id))
        }
        do {
            let shape = try CheckedShape(dimensions.reversed(), maximumRank: maximumRank)
            return Description(
                name: name, shape: shape.dimensions, type: type, offset: offset,
                byteCount: try shape.byteCount(.blocks(type)))
        } catch {
            throw FileError.Problem.shape(tensor: name, error)
        }
    }

    /// Checks that the tensors lie one after the other inside the file, and cuts them out.
    private mutating func place(
        _ descriptions: [Description], in bytes: Bytes, headerEnd: Int
    ) throws(FileError.Problem) {
        guard let first = descriptions.first else {
            trailingByteCount = max(0, bytes.count - (Self.padded(headerEnd, alignment) ?? .max))
            return
        }
        guard let dataStart = Self.padded(headerEnd, alignment) else {
            throw .offsetsOverflow(tensor: first.name)
        }
        var expected = 0
        tensors.reserveCapacity(descriptions.count)
        for description in descriptions {
            guard description.offset == UInt64(expected) else {
                throw .offsetMismatch(
                    tensor: description.name, found: description.offset, expected: expected)
            }
            let (start, startOverflows) = dataStart.addingReportingOverflow(expected)
            let (end, endOverflows) = start.addingReportingOverflow(description.byteCount)
            guard !startOverflows, !endOverflows,
                let next = Self.padded(expected + description.byteCount, alignment)
            else { throw .offsetsOverflow(tensor: description.name) }
            guard end <= bytes.count else {
                throw .endsAfterFile(tensor: description.name, excess: end - bytes.count)
            }
            tensors.append(
                StoredTensor(
                    name: description.name, shape: description.shape,
                    encoding: .blocks(description.type), bytes: bytes[start..<end]))
            expected = next
        }
        // Writers other than the reference may leave out the padding of the last tensor.
        trailingByteCount = max(0, bytes.count - dataStart - expected)
    }

    /// The next multiple of an alignment, or nil when it is beyond 2^63.
    static func padded(_ offset: Int, _ alignment: Int) -> Int? {
        let rest = offset % alignment
        guard rest != 0 else { return offset }
        let (sum, overflow) = offset.addingReportingOverflow(alignment - rest)
        return overflow ? nil : sum
    }
}
