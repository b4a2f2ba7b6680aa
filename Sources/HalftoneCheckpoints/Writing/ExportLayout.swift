import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// The layouts of other programs that packed matrices are written in.
public enum ExportLayout: String, Sendable, CaseIterable {
    /// compressed-tensors, `pack-quantized`.
    case compressedTensors = "compressed-tensors"
    /// GPTQ, version 1.
    case gptq
    /// GPTQ, version 2.
    case gptq2 = "gptq-v2"

    /// One packed matrix on its way to a file.
    public struct Module: Sendable {
        /// Its name without `.weight`.
        public var name: String
        /// The codes, scales and zero points.
        public var matrix: UniformMatrix
        /// The type that holds the scales exactly: F32, F16 or BF16.
        public var scaleType: ElementType

        /// Describes a packed matrix.
        public init(name: String, matrix: UniformMatrix, scaleType: ElementType) {
            self.name = name
            self.matrix = matrix
            self.scaleType = scaleType
        }
    }

    /// Checks that a matrix can be written without a change to its values.
    ///
    /// - Throws: ``CheckpointError/notRepresentable(module:layout:reason:)``.
    public func check(_ module: Module) throws(CheckpointError) {
        switch self {
        case .compressedTensors: try CompressedTensorsExport.check(module)
        case .gptq, .gptq2: try GPTQExport(isFirst: self == .gptq).check(module)
        }
    }

    /// The tensors that stand for a matrix that ``check(_:)`` let pass.
    public func tensors(_ module: Module) -> [TensorSource] {
        switch self {
        case .compressedTensors: CompressedTensorsExport.tensors(module)
        case .gptq, .gptq2: GPTQExport(isFirst: self == .gptq).tensors(module)
        }
    }

    /// Bytes of those tensors, known from the shape alone.
    public func byteCount(_ module: Module) -> Int {
        let matrix = module.matrix
        let (rows, columns, bits) = (matrix.rows, matrix.columns, matrix.format.bits)
        let groups = matrix.groupsPerRow
        let scales = rows * groups * module.scaleType.bits / 8
        switch self {
        case .compressedTensors:
            let zeros =
                matrix.format.isSymmetric
                ? 0 : 4 * groups * PackedWords.wordCount(codes: rows, bits: bits, .stream)
            return 4 * rows * PackedWords.wordCount(codes: columns, bits: bits, .stream)
                + scales + zeros + 16
        case .gptq, .gptq2:
            return 4 * (columns * bits / 32 * rows + groups * (rows * bits / 32) + columns)
                + scales
        }
    }

    /// The value of `quantization_config`.
    ///
    /// - Parameters:
    ///   - modules: All packed matrices, at least one, that ``check(_:)`` let pass.
    ///   - ignored: Linear layers that stay float, by module names.
    /// - Throws: ``CheckpointError/notRepresentable(module:layout:reason:)`` when the matrices differ
    ///   and the layout has one scheme for all.
    public func configuration(
        _ modules: [Module], ignored: [String]
    ) throws(CheckpointError) -> JSONValue {
        switch self {
        case .compressedTensors:
            CompressedTensorsExport.configuration(modules, ignored: ignored)
        case .gptq, .gptq2:
            try GPTQExport(isFirst: self == .gptq).configuration(modules)
        }
    }
}

extension ExportLayout.Module {
    /// A tensor of the module, named by its suffix.
    func source(
        _ suffix: String, _ shape: [Int], _ type: ElementType,
        _ produce: @escaping (ByteSink) throws -> Void
    ) -> TensorSource {
        TensorSource(
            name: name + suffix, shape: shape, encoding: .elements(type), produce: produce)
    }

    func refuse(_ layout: String, _ reason: String) -> CheckpointError {
        .notRepresentable(module: name, layout: layout, reason: reason)
    }

    /// What both layouts ask of a matrix: groups that fill rows, and a scale type.
    func checkCommon(_ layout: String) throws(CheckpointError) {
        if matrix.granularity == .tensor {
            throw refuse(layout, "it has one scale for the tensor; rows or groups have one each")
        }
        guard matrix.columns % matrix.groupSize == 0 else {
            throw refuse(
                layout, "groups of \(matrix.groupSize) do not fill \(matrix.columns) inputs")
        }
        guard [.float32, .float16, .bfloat16].contains(scaleType) else {
            throw refuse(layout, "scales of type \(scaleType.rawValue) have no place; f16 have")
        }
        if let zeros = matrix.zeroPoints,
            let bad = zeros.first(where: { $0 != $0.rounded() || $0 < 0 || $0 >= Float(1 << bits) })
        {
            throw refuse(layout, "a zero point is \(bad), and must be a code of \(bits) bits")
        }
        if matrix.format.isSymmetric, matrix.format.levels == 2 {
            throw refuse(layout, "its two levels have no zero between them there")
        }
    }

    var bits: Int { matrix.format.bits }

    /// What is added to codes so that the fixed zero point is the middle one of all patterns.
    var codeOffset: UInt8 {
        matrix.format.isSymmetric ? UInt8((1 << (bits - 1)) - matrix.format.levels / 2) : 0
    }

    /// The codes of some rows, row after row, with ``codeOffset`` added.
    func codes(rows range: Range<Int>) -> [UInt8] {
        let rowBytes = PackedCodes.bytesPerRow(columns: matrix.columns, bits: bits)
        let codes = PackedCodes.unpack(
            matrix.codes[range.lowerBound * rowBytes..<range.upperBound * rowBytes],
            rows: range.count, columns: matrix.columns, bits: bits)
        let offset = codeOffset
        return offset == 0 ? codes : codes.map { $0 + offset }
    }

    /// Scales in their type, little-endian.
    func scaleBytes(_ scales: [Float]) -> [UInt8] {
        let codec: (Float) -> UInt32
        switch scaleType {
        case .float16: codec = { UInt32(SmallFloat.float16Bits($0)) }
        case .bfloat16: codec = { UInt32(SmallFloat.bfloat16Bits($0)) }
        default: codec = { $0.bitPattern }
        }
        return scales.flatMap { scale in
            let pattern = codec(scale)
            return (0..<scaleType.bits / 8).map {
                UInt8(truncatingIfNeeded: pattern >> UInt32(8 * $0))
            }
        }
    }

    /// Rows that are handled at a time, a multiple of 32.
    var rowStep: Int { max(32, (1 << 20) / max(matrix.columns, 1) / 32 * 32) }
}

/// Words as a file holds them.
func littleEndianBytes(_ words: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * 4)
    for word in words {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }
    return bytes
}
