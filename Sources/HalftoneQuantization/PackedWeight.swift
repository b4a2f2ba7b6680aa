import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// How a matrix of weights is packed.
public enum WeightPacking: Sendable, Hashable, Codable {
    /// As uniform integer codes.
    case codes(WeightScheme)
    /// In blocks of a GGUF type.
    case blocks(BlockType)

    /// Whether a matrix of so many columns can be packed so: blocks need whole ones.
    public func fits(columns: Int) -> Bool {
        switch self {
        case .codes: true
        case .blocks(let type): columns > 0 && columns.isMultiple(of: type.blockSize)
        }
    }

    /// Bytes of a matrix as it is stored, everything that its values need counted.
    ///
    /// - Parameters:
    ///   - order: How integer codes lie in a file; blocks have one order.
    ///   - rows: Output features.
    ///   - columns: Input features that the packing fits.
    public func byteCount(_ order: StorageOrder = .rows, rows: Int, columns: Int) -> Int {
        switch self {
        case .codes(let scheme): scheme.byteCount(order, rows: rows, columns: columns)
        case .blocks(let type): rows * (columns / type.blockSize) * type.bytesPerBlock
        }
    }

    /// The format and the group size for tables: `int4 g32`, `Q4_K`.
    public var formatName: String {
        switch self {
        case .codes(let scheme): scheme.formatName
        case .blocks(let type): type.name
        }
    }
}

extension WeightPacking: CustomStringConvertible {
    /// `int4 g32 f16`, `Q4_K`.
    public var description: String {
        switch self {
        case .codes(let scheme): scheme.description
        case .blocks(let type): type.name
        }
    }
}

/// A packed matrix of weights.
public enum PackedWeight: Sendable {
    /// As uniform integer codes.
    case codes(QuantizedTensor)
    /// In blocks of a GGUF type.
    case blocks(BlockMatrix)

    /// How it is packed.
    public var packing: WeightPacking {
        switch self {
        case .codes(let tensor): .codes(tensor.scheme)
        case .blocks(let matrix): .blocks(matrix.type)
        }
    }

    /// The matrix to compute with.
    public var matrix: any WeightMatrix {
        switch self {
        case .codes(let tensor): tensor.matrix
        case .blocks(let matrix): matrix
        }
    }

    /// The integer codes, if it has them.
    public var codes: QuantizedTensor? { if case .codes(let tensor) = self { tensor } else { nil } }

    /// Output features.
    public var rows: Int { matrix.rows }

    /// Input features.
    public var columns: Int { matrix.columns }

    /// Bytes of everything that the values need, codes row after row.
    public var byteCount: Int { packing.byteCount(rows: rows, columns: columns) }

    /// The values, `[rows, columns]`.
    public func dequantized() -> Tensor {
        Tensor(shape: [rows, columns], elements: matrix.decoded())
    }
}

extension PackedWeight {
    /// Scales of a row that can be multiplied one by one: of groups or blocks, or one for the row
    /// where groups do not divide it; 0 for blocks without scales.
    public var scalesPerRow: Int {
        switch self {
        case .codes(let tensor):
            let size = tensor.scheme.granularity.groupSize(inFeatures: columns)
            return size > 0 && columns % size == 0 ? columns / size : 1
        case .blocks(let matrix):
            return matrix.hasBlockScales ? columns / matrix.type.blockSize : 0
        }
    }

    /// The nearest factors that scales of a byte can be multiplied by; nil where scales have more bits,
    /// for which any is near enough.
    ///
    /// - Parameter factors: `[rows, scalesPerRow]`.
    /// - Returns: As many.
    public func storable(_ factors: [Float]) -> [Float]? {
        guard case .codes(let tensor) = self, tensor.scheme.scaleFormat.hasFactor else {
            return nil
        }
        return tensor.storable(factors)
    }

    /// The same scales with other codes.
    ///
    /// - Parameter codes: In the layout of `PackedCodes`.
    /// - Throws: ``QuantizationError`` for codes of another size, or of a matrix of blocks.
    public func replacingCodes(by codes: [UInt8]) throws(QuantizationError) -> PackedWeight {
        guard case .codes(let tensor) = self else { throw .unexpectedPart("codes") }
        var parts = tensor.parts
        parts.codes = Bytes(codes)
        return .codes(
            try QuantizedTensor(
                rows: rows, columns: columns, scheme: tensor.scheme, parts: parts))
    }

    /// The same codes with other scales.
    ///
    /// - Parameter factors: `[rows, scalesPerRow]`.
    /// - Throws: ``QuantizationError`` for a scale that is not finite as it is stored.
    public func scaling(by factors: [Float]) throws(QuantizationError) -> PackedWeight {
        switch self {
        case .codes(let tensor): return .codes(try tensor.scalingGroups(by: factors))
        case .blocks(let matrix):
            do throws(BlockError) {
                return .blocks(try matrix.scalingBlocks(by: factors))
            } catch {
                throw .badForm(error.description)
            }
        }
    }
}
