import HalftoneFormats
import HalftoneKernels
import HalftoneRuns

/// Writes GGUF files of version 3 from metadata and tensors.
///
/// Tensors are written in the order in which they were added, each padded to the alignment. The
/// file appears under its name when it is complete and has been read back.
public struct GGUFWriter {
    /// Keys and values; `general.alignment`, when present, sets the alignment.
    public var metadata: GGUFMetadata
    private var sources: [(source: TensorSource, type: BlockType, byteCount: Int)] = []
    private var names: Set<ExactString> = []

    /// Starts without tensors.
    public init(metadata: GGUFMetadata = [:]) {
        self.metadata = metadata
    }

    /// Bytes of all tensors that were added, without padding.
    public private(set) var tensorByteCount = 0

    /// Adds a tensor.
    ///
    /// - Throws: ``TensorWriteError`` when the name is taken or longer than 63 bytes, when there
    ///   are more than 4 dimensions, when rows do not hold whole blocks, or when GGUF has no type
    ///   for the encoding.
    public mutating func add(_ source: TensorSource) throws(TensorWriteError) {
        let limit = GGUFReader.maximumTensorNameByteCount
        guard source.name.utf8.count <= limit else {
            throw .invalidName(source.name, reason: "is longer than \(limit) bytes")
        }
        // Q8_1 and Q8_K only hold activations, and programs disagree on the size of Q8_1.
        guard let type = source.encoding.blockType, type != .q8_1, type != .q8_K else {
            throw .notRepresentable(
                tensor: source.name, encoding: source.encoding.name, format: "GGUF")
        }
        guard source.shape.count <= GGUFReader.maximumRank else {
            throw .shape(
                tensor: source.name,
                .tooManyDimensions(found: source.shape.count, allowed: GGUFReader.maximumRank))
        }
        let byteCount = try source.byteCount()
        guard byteCount < 1 << 60, tensorByteCount < 1 << 60 else {
            throw .shape(tensor: source.name, .byteCountOverflows(source.shape))
        }
        guard names.insert(ExactString(source.name)).inserted else {
            throw .duplicateTensor(source.name)
        }
        sources.append((source, type, byteCount))
        tensorByteCount += byteCount
    }

    /// The size that ``write(to:progress:)`` will give the file.
    ///
    /// - Throws: ``TensorWriteError`` as writing would.
    public func fileByteCount() throws(TensorWriteError) -> Int {
        let alignment = try checkedAlignment()
        func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
        return sources.reduce(padded(try header(alignment: alignment).count)) {
            $0 + padded($1.byteCount)
        }
    }

    /// Writes the file.
    ///
    /// - Parameters:
    ///   - path: The final name; no input may be under it.
    ///   - progress: Advanced by the bytes of each tensor.
    /// - Throws: ``TensorWriteError``, `WriteError`, ``FileError`` when the file does not read
    ///   back, or what a tensor's closure throws. Nothing is left behind then.
    public func write(to path: String, progress: RunProgress? = nil) throws {
        guard sources.count <= GGUFReader.maximumTensorCount else {
            throw TensorWriteError.tooManyTensors(
                found: sources.count, allowed: GGUFReader.maximumTensorCount)
        }
        let alignment = try checkedAlignment()
        func padding(after count: Int) -> [UInt8] {
            [UInt8](repeating: 0, count: (alignment - count % alignment) % alignment)
        }
        var header = try header(alignment: alignment)
        header += padding(after: header.count)
        let dataByteCount = sources.reduce(0) { sum, entry in
            sum + entry.byteCount + padding(after: entry.byteCount).count
        }
        let file = try AtomicFile(path: path, expectedByteCount: header.count + dataByteCount)
        do {
            try file.write(header)
            for (source, _, byteCount) in sources {
                let sink = ByteSink(file: file, tensor: source.name, expected: byteCount)
                try source.produce(sink)
                try sink.finish()
                try file.write(padding(after: byteCount))
                progress?.advance(by: byteCount, note: source.name)
            }
            // The name is not final yet, so the parts of a split file are not looked for.
            try file.commit { path in
                let file = try MappedFile(path)
                _ = try GGUFFile(file.bytes, path: path)
            }
        } catch {
            file.abandon()
            throw error
        }
    }
}

extension GGUFWriter {
    private static let maximumAlignment = 1 << 20

    private func checkedAlignment() throws(TensorWriteError) -> Int {
        guard let value = metadata["general.alignment"] else { return GGUFReader.defaultAlignment }
        guard case .uint32(let number) = value, number.nonzeroBitCount == 1,
            number <= Self.maximumAlignment
        else {
            throw .invalidAlignment(found: value.integer.map(String.init) ?? "no u32")
        }
        return Int(number)
    }

    private func header(alignment: Int) throws(TensorWriteError) -> [UInt8] {
        var bytes = Array("GGUF".utf8) + littleEndianBytes(UInt32(3))
        bytes += littleEndianBytes(UInt64(sources.count))
        bytes += littleEndianBytes(UInt64(metadata.count))
        guard metadata.count <= GGUFReader.maximumKeyCount else {
            throw .invalidKey(
                "\(metadata.count) keys", reason: "are more than \(GGUFReader.maximumKeyCount)")
        }
        for (key, value) in metadata.entries {
            guard !key.isEmpty, key.utf8.count <= GGUFReader.maximumKeyByteCount else {
                throw .invalidKey(key, reason: "must have 1 to 65,535 bytes")
            }
            Self.append(key, to: &bytes)
            bytes += littleEndianBytes(value.typeID)
            Self.append(value, to: &bytes)
        }
        var offset = 0
        for (source, type, byteCount) in sources {
            Self.append(source.name, to: &bytes)
            bytes += littleEndianBytes(UInt32(source.shape.count))
            for size in source.shape.reversed() { bytes += littleEndianBytes(Int64(size)) }
            bytes += littleEndianBytes(type.rawValue)
            bytes += littleEndianBytes(UInt64(offset))
            guard let next = GGUFReader.padded(offset + byteCount, alignment), next < 1 << 61 else {
                throw .shape(tensor: source.name, .byteCountOverflows(source.shape))
            }
            offset = next
        }
        return bytes
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes += littleEndianBytes(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    private static func append(_ value: GGUFValue, to bytes: inout [UInt8]) {
        switch value {
        case .uint8(let value): bytes.append(value)
        case .int8(let value): bytes += littleEndianBytes(value)
        case .uint16(let value): bytes += littleEndianBytes(value)
        case .int16(let value): bytes += littleEndianBytes(value)
        case .uint32(let value): bytes += littleEndianBytes(value)
        case .int32(let value): bytes += littleEndianBytes(value)
        case .float32(let value): bytes += littleEndianBytes(value.bitPattern)
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .string(let value): append(value, to: &bytes)
        case .array(let array): append(array, to: &bytes)
        case .uint64(let value): bytes += littleEndianBytes(value)
        case .int64(let value): bytes += littleEndianBytes(value)
        case .float64(let value): bytes += littleEndianBytes(value.bitPattern)
        }
    }

    private static func append(_ array: GGUFArray, to bytes: inout [UInt8]) {
        bytes += littleEndianBytes(array.elementTypeID)
        bytes += littleEndianBytes(UInt64(array.count))
        switch array {
        case .uint8(let values): bytes += values
        case .int8(let values): for value in values { bytes += littleEndianBytes(value) }
        case .uint16(let values): for value in values { bytes += littleEndianBytes(value) }
        case .int16(let values): for value in values { bytes += littleEndianBytes(value) }
        case .uint32(let values): for value in values { bytes += littleEndianBytes(value) }
        case .int32(let values): for value in values { bytes += littleEndianBytes(value) }
        case .float32(let values):
            for value in values { bytes += littleEndianBytes(value.bitPattern) }
        case .bool(let values): bytes += values.map { $0 ? 1 : 0 }
        case .strings(let strings): bytes += strings.bytes.array
        case .uint64(let values): for value in values { bytes += littleEndianBytes(value) }
        case .int64(let values): for value in values { bytes += littleEndianBytes(value) }
        case .float64(let values):
            for value in values { bytes += littleEndianBytes(value.bitPattern) }
        }
    }
}
