import Foundation
import HalftoneFormats
import HalftoneRuns

/// Writes safetensors files as the reference library lays them out.
///
/// Tensors are ordered by alignment of their type, largest first, then by name; the header is
/// padded with spaces so that the data begin at a multiple of 8. Tensors that ask for an alignment
/// of their own come before the others, and the data then begin at a multiple of the largest. The
/// same tensors give the same bytes. Files appear under their names when they are complete and
/// have been read back.
public struct SafetensorsWriter {
    /// Free texts for `__metadata__`; readers of PyTorch models expect `format` = `pt`.
    public var metadata: [(name: String, value: String)]
    private var sources: [(source: TensorSource, type: ElementType, byteCount: Int)] = []
    private var names: Set<ExactString> = []

    /// Starts without tensors.
    public init(metadata: [(name: String, value: String)] = [("format", "pt")]) {
        self.metadata = metadata
    }

    /// Bytes of all tensors that were added.
    public private(set) var tensorByteCount = 0

    /// Adds a tensor.
    ///
    /// - Throws: ``TensorWriteError`` when the name is taken or reserved, when the shape does not
    ///   hold whole bytes, or when the encoding is a block type without an element type.
    public mutating func add(_ source: TensorSource) throws(TensorWriteError) {
        guard source.name != "__metadata__" else {
            throw .invalidName(source.name, reason: "is reserved")
        }
        let nameLimit = SafetensorsFile.maximumNameByteCount
        guard source.name.utf8.count <= nameLimit else {
            throw .invalidName(source.name, reason: "is longer than \(nameLimit) bytes")
        }
        guard let type = source.encoding.elementType else {
            throw .notRepresentable(
                tensor: source.name, encoding: source.encoding.name, format: "safetensors")
        }
        let byteCount = try source.byteCount()
        guard !tensorByteCount.addingReportingOverflow(byteCount).overflow else {
            throw .shape(tensor: source.name, .byteCountOverflows(source.shape))
        }
        precondition(
            byteCount.isMultiple(of: source.alignment), "the alignment divides the bytes")
        guard names.insert(ExactString(source.name)).inserted else {
            throw .duplicateTensor(source.name)
        }
        sources.append((source, type, byteCount))
        tensorByteCount += byteCount
    }

    /// The size that ``write(to:progress:)`` will give the file, header included.
    ///
    /// - Throws: ``TensorWriteError`` as writing would.
    public func fileByteCount() throws(TensorWriteError) -> Int {
        try header(ordered(Array(sources.indices))).count + tensorByteCount
    }

    /// Writes all tensors to one file.
    ///
    /// - Parameters:
    ///   - path: The final name; no input may be under it.
    ///   - progress: Advanced by the bytes of each tensor.
    /// - Throws: ``TensorWriteError``, `WriteError`, ``FileError`` when the file does not read
    ///   back, or what a tensor's closure throws. Nothing is left behind then.
    public func write(to path: String, progress: RunProgress? = nil) throws {
        try write(Array(sources.indices), to: path, progress: progress)
    }

    /// Writes all tensors to one file, or to shards with an index when they are too many bytes.
    ///
    /// Tensors go to shards in the order in which they were added. A single tensor above the
    /// bound gets a shard of its own. The index is written last.
    ///
    /// - Parameters:
    ///   - folder: An existing folder.
    ///   - maximumShardByteCount: Tensor bytes that one file may have.
    ///   - progress: Advanced by the bytes of each tensor.
    /// - Returns: The names of the files that were written, the index last.
    /// - Throws: As ``write(to:progress:)``.
    @discardableResult
    public func write(
        toFolder folder: String, maximumShardByteCount: Int, progress: RunProgress? = nil
    ) throws -> [String] {
        var shards: [[Int]] = [[]]
        var filled = 0
        for index in sources.indices {
            let byteCount = sources[index].byteCount
            let (sum, overflow) = filled.addingReportingOverflow(byteCount)
            if overflow || sum > maximumShardByteCount, shards.last?.isEmpty == false {
                shards.append([])
                filled = 0
            }
            shards[shards.count - 1].append(index)
            filled += byteCount
        }
        guard shards.count > 1 else {
            try write(to: folder + "/" + SafetensorsCheckpoint.singleName, progress: progress)
            return [SafetensorsCheckpoint.singleName]
        }
        var map: [(tensor: String, shard: String)] = []
        var files: [String] = []
        for (number, members) in shards.enumerated() {
            let name = Self.shardName(number + 1, of: shards.count)
            try write(members, to: folder + "/" + name, progress: progress)
            files.append(name)
            map += members.map { (sources[$0].source.name, name) }
        }
        map.sort { $0.tensor.utf8.lexicographicallyPrecedes($1.tensor.utf8) }
        var weightMap = JSONObject()
        for entry in map { weightMap[entry.tensor] = .string(entry.shard) }
        let index: JSONValue = [
            "metadata": ["total_size": .integer(tensorByteCount)], "weight_map": .object(weightMap),
        ]
        try AtomicFile.write(
            index.serialized(.pretty(indent: 2)) + "\n",
            to: folder + "/" + SafetensorsCheckpoint.indexName)
        return files + [SafetensorsCheckpoint.indexName]
    }

    /// The name of a shard: `model-00001-of-00005.safetensors`.
    public static func shardName(_ number: Int, of count: Int) -> String {
        "model-\(fiveDigits(number))-of-\(fiveDigits(count)).safetensors"
    }
}

extension SafetensorsWriter {
    private func write(_ members: [Int], to path: String, progress: RunProgress?) throws {
        guard members.count <= SafetensorsFile.maximumTensorCount else {
            throw TensorWriteError.tooManyTensors(
                found: members.count, allowed: SafetensorsFile.maximumTensorCount)
        }
        let ordered = ordered(members)
        let header = try header(ordered)
        let dataByteCount = ordered.reduce(0) { $0 + $1.byteCount }
        let file = try AtomicFile(
            path: path,
            expectedByteCount: dataByteCount.addingReportingOverflow(header.count).partialValue)
        do {
            try file.write(header)
            for (source, _, byteCount) in ordered {
                let sink = ByteSink(file: file, tensor: source.name, expected: byteCount)
                try source.produce(sink)
                try sink.finish()
                progress?.advance(by: byteCount, note: source.name)
            }
            try file.commit { _ = try SafetensorsFile(contentsOf: $0) }
        } catch {
            file.abandon()
            throw error
        }
    }

    /// Members as the file has them: by the alignment that they ask for and then by that of their
    /// type, largest first, then by name.
    private func ordered(
        _ members: [Int]
    ) -> [(source: TensorSource, type: ElementType, byteCount: Int)] {
        members.map { sources[$0] }.sorted { left, right in
            let (wanted, other) = (left.source.alignment, right.source.alignment)
            if wanted != other { return wanted > other }
            let (leftRank, rightRank) = (left.type.alignmentRank, right.type.alignmentRank)
            return leftRank != rightRank
                ? leftRank > rightRank
                : left.source.name.utf8.lexicographicallyPrecedes(right.source.name.utf8)
        }
    }

    private func header(
        _ ordered: [(source: TensorSource, type: ElementType, byteCount: Int)]
    ) throws(TensorWriteError) -> [UInt8] {
        var parts: [String] = []
        if !metadata.isEmpty {
            var object = JSONObject()
            for entry in metadata {
                guard object.append(entry.name, .string(entry.value)) else {
                    throw .duplicateKey(entry.name)
                }
            }
            parts.append("\"__metadata__\":" + JSONValue.object(object).serialized())
        }
        var offset = 0
        for (source, type, byteCount) in ordered {
            let entry: JSONValue = [
                "dtype": .string(type.rawValue), "shape": .array(source.shape.map { .integer($0) }),
                "data_offsets": [.integer(offset), .integer(offset + byteCount)],
            ]
            parts.append(JSONValue.quoted(source.name) + ":" + entry.serialized())
            offset += byteCount
        }
        var text = Array("{\(parts.joined(separator: ","))}".utf8)
        // The length before it takes 8 bytes.
        let alignment = ordered.reduce(8) { max($0, $1.source.alignment) }
        while (text.count + 8) % alignment != 0 { text.append(0x20) }
        guard text.count <= SafetensorsFile.maximumHeaderByteCount else {
            throw .headerTooLarge(
                byteCount: text.count, allowed: SafetensorsFile.maximumHeaderByteCount)
        }
        return littleEndianBytes(UInt64(text.count)) + text
    }
}

extension ElementType {
    /// The place of this type in the reference writer's order, which puts larger alignments first.
    var alignmentRank: Int {
        let order: [ElementType] = [
            .bool, .float4E2M1, .float6E2M3, .float6E3M2, .uint8, .int8, .float8E5M2, .float8E4M3,
            .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ, .int16, .uint16, .float16, .bfloat16,
            .int32, .uint32, .float32, .complex64, .float64, .int64, .uint64,
        ]
        return order.firstIndex(of: self) ?? 0
    }
}

extension TensorEncoding {
    /// The element type of plain elements, those of a GGUF file included.
    public var elementType: ElementType? {
        switch self {
        case .elements(let type): type
        case .blocks(.f32): .float32
        case .blocks(.f16): .float16
        case .blocks(.bf16): .bfloat16
        case .blocks(.f64): .float64
        case .blocks(.i8): .int8
        case .blocks(.i16): .int16
        case .blocks(.i32): .int32
        case .blocks(.i64): .int64
        case .blocks: nil
        }
    }

    /// The GGUF type of blocks, or of plain elements that GGUF has.
    public var blockType: BlockType? {
        switch self {
        case .blocks(let type): type
        case .elements(.float32): .f32
        case .elements(.float16): .f16
        case .elements(.bfloat16): .bf16
        case .elements(.float64): .f64
        case .elements(.int8): .i8
        case .elements(.int16): .i16
        case .elements(.int32): .i32
        case .elements(.int64): .i64
        case .elements: nil
        }
    }
}

/// A number with at least five digits, as in names of shards.
func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}

/// The bytes of an integer, least significant first.
func littleEndianBytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
