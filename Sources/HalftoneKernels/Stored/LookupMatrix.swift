import HalftoneFormats
import _HalftoneShims

/// A matrix of codes that a table turns into values, with a scale for each block.
///
/// The value of an element is `table[code] · scale`: NF4, FP4, floats of 6 and 8 bits and all else
/// that is no multiple of integers. Codes lie in row-major order without gaps between rows, or each
/// row from a whole byte on. Products with floats decode one row at a time, so that no more memory
/// is taken than a row; products with bytes are those of ``WeightMatrix/panels(on:)``.
public struct LookupMatrix: WeightMatrix {
    /// How codes lie in bytes.
    public enum Packing: Sendable, Hashable {
        /// A byte is a code; the table has 256 values.
        case bytes
        /// The low half of a byte is the earlier of two codes; the table has 16 values.
        case lowHalfFirst
        /// The high half of a byte is the earlier of two codes; the table has 16 values.
        case highHalfFirst
        /// Each row from a whole byte on, codes of 1 to 8 bits from the least significant bit on;
        /// the table has 2^bits values.
        case rows(bits: Int)

        /// Bits of a code.
        public var bits: Int {
            switch self {
            case .bytes: 8
            case .lowHalfFirst, .highHalfFirst: 4
            case .rows(let bits): bits
            }
        }

        /// Bytes of a matrix.
        func byteCount(rows: Int, columns: Int) -> Int {
            if case .rows(let bits) = self { return rows * ((columns * bits + 7) / 8) }
            return (rows * columns * bits + 7) / 8
        }
    }

    /// Which elements share a scale.
    public enum Blocks: Sendable, Hashable {
        /// Tiles from the first element on; those at the right and lower edge may be smaller.
        case tiles(rows: Int, columns: Int)
        /// Runs of elements in row-major order, which may go on in the next row.
        case runs(Int)
    }

    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Bytes that the matrix takes in a file, as the one who made it says.
    public let byteCount: Int

    /// A short name of the format for tables.
    public let formatName: String

    let codes: Bytes
    let packing: Packing
    let table: [Float]
    let blocks: Blocks
    let scales: [Float]
    let scaleUnit: Float

    /// Puts a matrix together from its parts.
    ///
    /// - Parameters:
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - codes: Exactly as many bytes as the shape takes, with any content.
    ///   - packing: How codes lie in bytes.
    ///   - table: The value of each code: as many as there are codes of that many bits.
    ///   - blocks: Sizes of 1 or more.
    ///   - scales: One for each block: tiles row after row, or runs.
    ///   - scaleUnit: What scales are multiples of by small floats, if they are; products with
    ///     bytes then read a byte for each.
    ///   - formatName: A short name for tables.
    ///   - byteCount: Bytes of all parts as they are stored.
    /// - Throws: ``LookupMatrixError`` when the sizes disagree.
    public init(
        rows: Int, columns: Int, codes: Bytes, packing: Packing, table: [Float], blocks: Blocks,
        scales: [Float], scaleUnit: Float = 1, formatName: String, byteCount: Int
    ) throws(LookupMatrixError) {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow, count <= .max / 16, rows <= .max / 16,
            columns <= .max / 16
        else {
            throw .invalidShape(rows: rows, columns: columns)
        }
        guard (1...8).contains(packing.bits) else { throw .invalidPacking(packing) }
        let expectedBytes = packing.byteCount(rows: rows, columns: columns)
        guard codes.count == expectedBytes else {
            throw .wrongCodes(expectedBytes: expectedBytes, found: codes.count)
        }
        guard table.count == 1 << packing.bits else {
            throw .wrongTable(expected: 1 << packing.bits, found: table.count)
        }
        let expectedScales = try blocks.count(rows: rows, columns: columns)
        guard scales.count == expectedScales else {
            throw .wrongScales(expected: expectedScales, found: scales.count)
        }
        self.init(
            checked: rows, columns, codes: codes, packing: packing, table: table, blocks: blocks,
            scales: scales, scaleUnit: scaleUnit, formatName: formatName, byteCount: byteCount)
    }

    private init(
        checked rows: Int, _ columns: Int, codes: Bytes, packing: Packing, table: [Float],
        blocks: Blocks, scales: [Float], scaleUnit: Float, formatName: String, byteCount: Int
    ) {
        self.rows = rows
        self.columns = columns
        self.codes = codes
        self.packing = packing
        self.table = table
        self.blocks = blocks
        self.scales = scales
        self.scaleUnit = scaleUnit
        self.formatName = formatName
        self.byteCount = byteCount
    }
}

extension LookupMatrix.Blocks {
    /// Scales of a matrix.
    ///
    /// - Throws: ``LookupMatrixError/invalidBlocks(_:)`` for sizes below 1.
    public func count(rows: Int, columns: Int) throws(LookupMatrixError) -> Int {
        func blocks(_ length: Int, _ size: Int) -> Int {
            length / size + (length % size == 0 ? 0 : 1)
        }
        switch self {
        case .tiles(let height, let width):
            guard height > 0, width > 0 else { throw .invalidBlocks(self) }
            return blocks(rows, height) * blocks(columns, width)
        case .runs(let length):
            guard length > 0 else { throw .invalidBlocks(self) }
            return blocks(rows * columns, length)
        }
    }
}

/// Why parts do not make a matrix.
public enum LookupMatrixError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidShape(rows: Int, columns: Int)
    case invalidBlocks(LookupMatrix.Blocks)
    case invalidPacking(LookupMatrix.Packing)
    case wrongCodes(expectedBytes: Int, found: Int)
    case wrongTable(expected: Int, found: Int)
    case wrongScales(expected: Int, found: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .invalidShape(let rows, let columns):
            "no matrix has \(rows) rows of \(columns) columns"
        case .invalidBlocks(let blocks): "no block has the size \(blocks)"
        case .invalidPacking(let packing): "no code has \(packing.bits) bits"
        case .wrongCodes(let expected, let found):
            "the codes take \(found) bytes; the shape needs \(expected)"
        case .wrongTable(let expected, let found):
            "the table has \(found) values; there are \(expected) codes"
        case .wrongScales(let expected, let found):
            "there are \(found) scales; the shape needs \(expected)"
        }
    }
}

extension LookupMatrix {
    /// Decodes whole rows to float32, with one rounding per element.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        unsafe decode(rows: range, into: output, features: Processor.features)
    }

    /// Decodes whole rows by given instructions.
    @unsafe
    package func decode(
        rows range: Range<Int>, into output: UnsafeMutablePointer<Float>, features: UInt32
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        guard columns > 0 else { return }
        unsafe codes.withUnsafeBytes { bytes in
            unsafe table.withUnsafeBufferPointer { table in
                unsafe scales.withUnsafeBufferPointer { scales in
                    for (index, row) in range.enumerated() {
                        unsafe decode(
                            row, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self),
                            table.baseAddress!, scales.baseAddress!,
                            into: output + index * columns, features)
                    }
                }
            }
        }
    }

    /// All rows as float32, decoded by given instructions.
    package func decoded(features: UInt32) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            if let base = buffer.baseAddress {
                unsafe decode(rows: 0..<rows, into: base, features: features)
            }
            count = rows * columns
        }
    }

    /// The same matrix with rows in another order, as a copy of their codes and scales.
    ///
    /// Each row of the copy has scales of its own, and starts with a whole byte; the byte count is
    /// this matrix's in proportion to the rows, rounded up.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        let perRow = rows == 0 ? 0 : Double(byteCount) / Double(rows)
        let width = blockColumns
        let across = (columns + width - 1) / width
        let bits = packing.bits
        let rowBytes = (columns * bits + 7) / 8
        var gathered = [UInt8](repeating: 0, count: order.count * rowBytes)
        for (index, row) in order.enumerated() {
            for (column, code) in rowCodes(row).enumerated() {
                let (byte, shift) = (column * bits).quotientAndRemainder(dividingBy: 8)
                let wide = UInt16(code) << UInt16(shift)
                gathered[index * rowBytes + byte] |= UInt8(truncatingIfNeeded: wide)
                if shift + bits > 8 { gathered[index * rowBytes + byte + 1] |= UInt8(wide >> 8) }
            }
        }
        let picked = order.flatMap { row in
            (0..<across).map { scales[scaleIndex(row, $0 * width)] }
        }
        return LookupMatrix(
            checked: order.count, columns, codes: Bytes(gathered), packing: .rows(bits: bits),
            table: table, blocks: .tiles(rows: 1, columns: width), scales: picked,
            scaleUnit: scaleUnit, formatName: formatName,
            byteCount: Int((perRow * Double(order.count)).rounded(.up)))
    }

    /// Columns of a row that share a scale whatever the row: those of a tile, or the greatest
    /// length that divides a run and the width.
    var blockColumns: Int {
        switch blocks {
        case .tiles(_, let width): return width
        case .runs(let length):
            var (a, b) = (length, max(columns, 1))
            while b != 0 { (a, b) = (b, a % b) }
            return a
        }
    }

    /// The place of an element's scale.
    func scaleIndex(_ row: Int, _ column: Int) -> Int {
        switch blocks {
        case .tiles(let height, let width):
            row / height * ((columns + width - 1) / width) + column / width
        case .runs(let length): (row * columns + column) / length
        }
    }

    /// Where the codes of a row are: a byte, and a code from there on.
    private func start(of row: Int) -> (byte: Int, code: Int) {
        if case .rows(let bits) = packing { return (row * ((columns * bits + 7) / 8), 0) }
        return (0, row * columns)
    }

    /// Takes the codes of a row apart.
    @unsafe
    func unpack(
        _ row: Int, _ bytes: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<UInt8>
    ) {
        let (byte, code) = start(of: row)
        unsafe halftone_lookup_codes(
            Int32(packing.bits), packing == .highHalfFirst ? 1 : 0, bytes + byte, Int64(code),
            Int64(columns), output)
    }

    /// The codes of a row.
    func rowCodes(_ row: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: columns) { buffer, count in
            unsafe codes.withUnsafeBytes { bytes in
                guard let base = buffer.baseAddress, let bytes = bytes.baseAddress else { return }
                unsafe unpack(row, bytes.assumingMemoryBound(to: UInt8.self), into: base)
            }
            count = columns
        }
    }

    /// Decodes one row.
    @unsafe
    private func decode(
        _ row: Int, _ bytes: UnsafePointer<UInt8>, _ table: UnsafePointer<Float>,
        _ scales: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        _ features: UInt32
    ) {
        let (byte, code) = start(of: row)
        let (lead, group) =
            switch blocks {
            case .tiles(_, let width): (width, width)
            case .runs(let length): (length - row * columns % length, length)
            }
        var lookup = unsafe halftone_lookup(
            first: Int64(code), count: Int64(columns), lead: Int64(lead), group: Int64(group),
            scales: scales + scaleIndex(row, 0), table: table, output: output)
        unsafe halftone_lookup_decode(
            features, Int32(packing.bits), packing == .highHalfFirst ? 1 : 0, bytes + byte,
            &lookup)
    }
}
