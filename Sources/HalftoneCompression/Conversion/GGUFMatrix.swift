import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

/// A matrix on its way into a GGUF file.
struct GGUFMatrix {
    private static let rowsPerPiece = 64

    /// The matrix with its rows in the order of the file.
    private let matrix: any WeightMatrix
    private let type: BlockType
    private let name: String
    private let importance: [Float]?

    /// Prepares a matrix.
    ///
    /// - Parameters:
    ///   - matrix: In the order that the run time computes in.
    ///   - form: Name and layout in the file; matrices are never transposed there.
    ///   - type: The type to write.
    ///   - importance: What the squared error of each column counts; nil for 1.
    init(
        _ matrix: any WeightMatrix, form: StoredForm, type: BlockType, importance: [Float]? = nil
    ) {
        self.importance = importance
        self.matrix = matrix
        self.type = type
        name = form.names[0]
        order = Self.order(form.layout)
    }

    private let order: [Int]?

    /// For each row of the file, the row of the run time; nil when they are the same.
    static func order(_ layout: StoredForm.Layout) -> [Int]? {
        guard case .rows(let targets) = layout else { return nil }
        var order = targets
        for (row, target) in targets.enumerated() { order[target] = row }
        return order
    }

    /// Writes the matrix: bit for bit when it has the type already, else decoded and encoded.
    func write(to sink: ByteSink) throws {
        let stored = order.map { matrix.gatheringRows($0) } ?? matrix
        let blocks = stored as? BlockMatrix ?? (stored as? GatheredMatrix)?.copied()
        if let blocks, blocks.type == type {
            try sink.write(blocks.bytes)
            return
        }
        let columns = stored.columns
        for start in stride(from: 0, to: stored.rows, by: Self.rowsPerPiece) {
            let end = min(start + Self.rowsPerPiece, stored.rows)
            var values = [Float](repeating: 0, count: (end - start) * columns)
            for row in start..<end {
                stored.decode(row: row, into: &values, at: (row - start) * columns)
            }
            do {
                try sink.write(
                    BlockCodec.encode(type, values, columns: columns, importance: importance))
            } catch let error as BlockError {
                throw CompressionError.cannotQuantize(matrix: name, reason: error.description)
            }
        }
    }
}

extension WeightMatrix {
    /// The GGUF type that the matrix is stored in, perhaps with rows in another order.
    var blockType: BlockType? {
        (self as? BlockMatrix)?.type ?? (self as? GatheredMatrix)?.stored.type
    }
}

/// Packed codes as GGUF blocks of 32 that hold the same values.
struct GGUFRepacking {
    /// The type with the values of the scheme.
    let type: BlockType
    private let packed: QuantizedTensor
    private let order: [Int]?

    /// Finds the counterpart of a packed matrix.
    ///
    /// Symmetric codes of 4, 5 and 8 bits with binary16 scales have one, `scale · (code − 2^(b−1))`
    /// in both. A group may span several blocks, each of which then repeats its scale.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)``.
    init(_ packed: QuantizedTensor, role: Role, form: StoredForm) throws(CompressionError) {
        type = try Self.type(of: packed.scheme, columns: packed.columns, role: role)
        self.packed = packed
        order = GGUFMatrix.order(form.layout)
    }

    /// The type with the values of a scheme.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)``.
    static func type(
        of scheme: WeightScheme, columns: Int, role: Role
    ) throws(CompressionError) -> BlockType {
        let width = scheme.granularity.groupSize(inFeatures: columns)
        let types: [Int: BlockType] = [4: .q4_0, 5: .q5_0, 8: .q8_0]
        guard let type = types[scheme.format.bits], scheme.format.isSymmetric,
            scheme.format.levels == 1 << scheme.format.bits,
            scheme.scaleFormat == .float16, width % 32 == 0 || width == columns
        else {
            throw .notRepresentable(
                "\(role): GGUF has no type with the values of \(scheme); int4, int5 and int8 with "
                    + "groups of 32 (or a multiple) and f16 scales exist there as Q4_0, Q5_0 and "
                    + "Q8_0; or write a folder instead")
        }
        guard columns % 32 == 0 else {
            throw .notRepresentable(
                "\(role) is \(columns) wide, which blocks of 32 do not divide; "
                    + "write a folder instead")
        }
        return type
    }

    /// Writes the blocks of all rows.
    func write(to sink: ByteSink) throws {
        let columns = packed.columns
        let bits = packed.scheme.format.bits
        let granularity = packed.scheme.granularity
        let width = granularity.groupSize(inFeatures: columns)
        let groups = granularity.groupsPerRow(inFeatures: columns)
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: bits)
        let scales = packed.parts.scales
        for index in 0..<packed.rows {
            let row = order?[index] ?? index
            let codes = PackedCodes.unpack(
                packed.parts.codes[row * rowBytes..<(row + 1) * rowBytes], rows: 1,
                columns: columns, bits: bits)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(columns / 32 * type.bytesPerBlock)
            for start in stride(from: 0, to: columns, by: 32) {
                let group = granularity == .tensor ? 0 : row * groups + start / width
                bytes.append(scales[2 * group])
                bytes.append(scales[2 * group + 1])
                append(codes[start..<start + 32], to: &bytes)
            }
            try sink.write(bytes)
        }
    }

    private func append(_ codes: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let first = codes.startIndex
        if type == .q8_0 {
            // Q8_0 holds the signed number, which is the code less its zero point of 128.
            for code in codes { bytes.append(code ^ 0x80) }
            return
        }
        if type == .q5_0 {
            var high: UInt32 = 0
            for (index, code) in codes.enumerated() { high |= UInt32(code >> 4) << index }
            for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: high >> (8 * byte))) }
        }
        for index in first..<first + 16 {
            bytes.append(codes[index] & 15 | (codes[index + 16] & 15) << 4)
        }
    }
}
