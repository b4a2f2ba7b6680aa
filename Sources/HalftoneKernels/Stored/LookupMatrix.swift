import HalftoneFormats

/// A matrix of codes that a table turns into values, with a scale for each block.
///
/// The value of an element is `table[code] · scale`. Codes lie in row-major order without gaps
/// between rows. It is the form of formats without a product of their own, such as NF4, FP4 and
/// 8-bit floats: a product decodes one row at a time, so that no more memory is taken than a row.
public struct LookupMatrix: WeightMatrix {
    /// How codes lie in bytes.
    public enum Packing: Sendable, Hashable {
        /// A byte is a code; the table has 256 values.
        case bytes
        /// The low half of a byte is the earlier of two codes; the table has 16 values.
        case lowHalfFirst
        /// The high half of a byte is the earlier of two codes; the table has 16 values.
        case highHalfFirst

        /// Bits of a code.
        public var bits: Int { self == .bytes ? 8 : 4 }
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

    private let codes: Bytes
    private let packing: Packing
    private let table: [Float]
    private let blocks: Blocks
    private let scales: [Float]

    /// Puts a matrix together from its parts.
    ///
    /// - Parameters:
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - codes: Exactly as many bytes as the shape takes, with any content.
    ///   - packing: How codes lie in bytes.
    ///   - table: The value of each code: 16 or 256.
    ///   - blocks: Sizes of 1 or more.
    ///   - scales: One for each block: tiles row after row, or runs.
    ///   - formatName: A short name for tables.
    ///   - byteCount: Bytes of all parts as they are stored.
    /// - Throws: ``LookupMatrixError`` when the sizes disagree.
    public init(
        rows: Int, columns: Int, codes: Bytes, packing: Packing, table: [Float], blocks: Blocks,
        scales: [Float], formatName: String, byteCount: Int
    ) throws(LookupMatrixError) {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard rows >= 0, columns >= 0, !overflow, count <= .max / 8 else {
            throw .invalidShape(rows: rows, columns: columns)
        }
        let expectedBytes = (count * packing.bits + 7) / 8
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
            scales: scales, formatName: formatName, byteCount: byteCount)
    }

    private init(
        checked rows: Int, _ columns: Int, codes: Bytes, packing: Packing, table: [Float],
        blocks: Blocks, scales: [Float], formatName: String, byteCount: Int
    ) {
        self.rows = rows
        self.columns = columns
        self.codes = codes
        self.packing = packing
        self.table = table
        self.blocks = blocks
        self.scales = scales
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
    case wrongCodes(expectedBytes: Int, found: Int)
    case wrongTable(expected: Int, found: Int)
    case wrongScales(expected: Int, found: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .invalidShape(let rows, let columns):
            "no matrix has \(rows) rows of \(columns) columns"
        case .invalidBlocks(let blocks): "no block has the size \(blocks)"
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
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        guard columns > 0 else { return }
        unsafe codes.withUnsafeBytes { bytes in
            unsafe table.withUnsafeBufferPointer { table in
                for (index, row) in range.enumerated() {
                    unsafe decode(
                        row, bytes.baseAddress!.assumingMemoryBound(to: UInt8.self),
                        table.baseAddress!, into: output + index * columns)
                }
            }
        }
    }

    /// Multiplies rows with one vector in float32, a decoded row at a time.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe precondition(input.count == columns, "the vector has a value per column")
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { memory in
            for (index, row) in range.enumerated() {
                guard let decoded = memory.baseAddress, columns > 0 else {
                    unsafe output[index] = 0
                    continue
                }
                unsafe decode(rows: row..<row + 1, into: decoded)
                unsafe output[index] = FloatKernels.dot(decoded, input.values, count: columns)
            }
        }
    }

    /// The same matrix with rows in another order, as a copy of their codes and scales.
    ///
    /// Each row of the copy has scales of its own; the byte count is this matrix's in proportion
    /// to the rows, rounded up.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        let perRow = rows == 0 ? 0 : Double(byteCount) / Double(rows)
        let width = blockColumns
        let across = (columns + width - 1) / width
        var gathered = [UInt8](repeating: 0, count: (order.count * columns * packing.bits + 7) / 8)
        for (index, row) in order.enumerated() {
            for column in 0..<columns {
                write(code(row * columns + column), at: index * columns + column, to: &gathered)
            }
        }
        let picked = order.flatMap { row in
            (0..<across).map { scales[scaleIndex(row, $0 * width)] }
        }
        return LookupMatrix(
            checked: order.count, columns, codes: Bytes(gathered), packing: packing, table: table,
            blocks: .tiles(rows: 1, columns: width), scales: picked, formatName: formatName,
            byteCount: Int((perRow * Double(order.count)).rounded(.up)))
    }

    /// Columns of a row that share a scale whatever the row: those of a tile, or the greatest
    /// length that divides a run and the width.
    private var blockColumns: Int {
        switch blocks {
        case .tiles(_, let width): return width
        case .runs(let length):
            var (a, b) = (length, max(columns, 1))
            while b != 0 { (a, b) = (b, a % b) }
            return a
        }
    }

    private func scaleIndex(_ row: Int, _ column: Int) -> Int {
        switch blocks {
        case .tiles(let height, let width):
            row / height * ((columns + width - 1) / width) + column / width
        case .runs(let length): (row * columns + column) / length
        }
    }

    private func code(_ element: Int) -> UInt8 {
        switch packing {
        case .bytes: codes[element]
        case .lowHalfFirst: codes[element / 2] >> (element % 2 == 0 ? 0 : 4) & 15
        case .highHalfFirst: codes[element / 2] >> (element % 2 == 0 ? 4 : 0) & 15
        }
    }

    private func write(_ code: UInt8, at element: Int, to bytes: inout [UInt8]) {
        switch packing {
        case .bytes: bytes[element] = code
        case .lowHalfFirst: bytes[element / 2] |= code << (element % 2 == 0 ? 0 : 4)
        case .highHalfFirst: bytes[element / 2] |= code << (element % 2 == 0 ? 4 : 0)
        }
    }

    /// Decodes one row, a stretch of equal scale at a time.
    @unsafe
    private func decode(
        _ row: Int, _ bytes: UnsafePointer<UInt8>, _ table: UnsafePointer<Float>,
        into output: UnsafeMutablePointer<Float>
    ) {
        let first = row * columns
        var column = 0
        while column < columns {
            let end =
                switch blocks {
                case .tiles(_, let width): min((column / width + 1) * width, columns)
                case .runs(let length):
                    min(((first + column) / length + 1) * length - first, columns)
                }
            let scale = scales[scaleIndex(row, column)]
            switch packing {
            case .bytes:
                for index in column..<end {
                    unsafe output[index] = table[Int(bytes[first &+ index])] * scale
                }
            case .lowHalfFirst, .highHalfFirst:
                let flip = packing == .highHalfFirst ? 1 : 0
                for index in column..<end {
                    let element = first &+ index
                    let shift = UInt8(truncatingIfNeeded: ((element ^ flip) & 1) &* 4)
                    let code = unsafe bytes[element &>> 1] &>> shift & 15
                    unsafe output[index] = table[Int(code)] * scale
                }
            }
            column = end
        }
    }
}
