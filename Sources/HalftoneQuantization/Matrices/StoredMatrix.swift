import HalftoneFormats
import HalftoneKernels

/// A matrix of weights in any ``MatrixForm``: its parts as a file holds them, and its values.
///
/// This is the definition in plain loops; ``matrix()`` is what products are computed with.
public struct StoredMatrix: Sendable {
    /// How it is stored.
    public let form: MatrixForm

    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// The parts, in the order of ``MatrixForm/layout(rows:columns:)``.
    public let parts: [Part]

    /// A part with its bytes.
    public struct Part: Sendable {
        /// Name, type and shape.
        public let layout: PartLayout
        /// As many as the layout takes.
        public let bytes: Bytes
    }

    /// Encodes a matrix.
    ///
    /// - Parameters:
    ///   - values: `[rows, columns]`, row after row.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - form: How to store it.
    ///   - importance: What the squared error of each column counts; nil for 1. Searches, choices
    ///     of outliers, codebooks and low-rank parts go by it.
    ///   - search: How scales are chosen.
    ///   - seed: For the random starts of codebooks.
    /// - Throws: ``QuantizationError``: a value that is no number, a scale that the form cannot
    ///   hold, or a form that the shape does not have.
    public init(
        _ values: [Float], rows: Int, columns: Int, form: MatrixForm, importance: [Float]? = nil,
        search: ScaleSearch = .leastError, seed: UInt64 = 1
    ) throws(QuantizationError) {
        let layouts = try form.layout(rows: rows, columns: columns)
        guard rows * columns == values.count else {
            throw .badParts("\(values.count) values are not \(rows) rows of \(columns)")
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .weightNotFinite(
                row: bad / columns, column: bad % columns, value: "\(values[bad])")
        }
        try RowPlan.check(importance, columns: columns)
        let source = MatrixValues(
            values: values, rows: rows, columns: columns, importance: importance, search: search,
            seed: seed)
        let bytes = try form.coding.encode(source)
        precondition(bytes.count == layouts.count, "a form writes the parts that it lays out")
        parts = zip(layouts, bytes).map { layout, bytes in
            precondition(layout.byteCount == bytes.count, "\(layout.name): \(bytes.count) bytes")
            return Part(layout: layout, bytes: bytes)
        }
        self.form = form
        self.rows = rows
        self.columns = columns
    }

    /// Takes a matrix from the parts of a file.
    ///
    /// - Parameters:
    ///   - form: As it was written.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - part: The bytes of a part, or nil when there is none.
    /// - Throws: ``QuantizationError`` when a part is missing or has another size; what its bytes
    ///   mean is looked at when the matrix is decoded.
    public init(
        form: MatrixForm, rows: Int, columns: Int, part: (PartLayout) -> Bytes?
    ) throws(QuantizationError) {
        var parts: [Part] = []
        for layout in try form.layout(rows: rows, columns: columns) {
            let bytes = part(layout)
            guard let bytes, bytes.count == layout.byteCount else {
                throw .wrongSize(
                    part: layout.name, found: bytes?.count ?? 0, expected: layout.byteCount)
            }
            parts.append(Part(layout: layout, bytes: bytes))
        }
        self.parts = parts
        self.form = form
        self.rows = rows
        self.columns = columns
    }

    /// Stores blocks of a GGUF type as they are.
    public init(_ blocks: BlockMatrix) {
        form = .gguf(blocks.type)
        (rows, columns) = (blocks.rows, blocks.columns)
        parts = [
            Part(
                layout: PartLayout("blocks", .uint8, [blocks.rows, blocks.bytesPerRow]),
                bytes: blocks.bytes)
        ]
    }
}

extension StoredMatrix {
    /// Bytes of all parts.
    public var byteCount: Int { parts.reduce(0) { $0 + $1.bytes.count } }

    /// The values, `[rows, columns]`.
    ///
    /// - Throws: ``QuantizationError`` when a scale or a 16-bit value is not finite, or a place is
    ///   outside the matrix or given twice: the file is damaged.
    public func decoded() throws(QuantizationError) -> [Float] {
        var reader = PartReader(parts: parts)
        return try form.coding.decode(&reader, rows, columns)
    }

    /// The codes, `[rows, columns]`, where the form is codes of a number format with scales and
    /// nothing around them; nil for others.
    public var codes: [UInt8]? {
        guard case .scaled(let format, _, _) = form else { return nil }
        return CodeRows(values: format.values.count)
            .decode(parts[0].bytes, rows: rows, columns: columns).map { UInt8($0) }
    }
}

/// What a form encodes.
struct MatrixValues {
    var values: [Float]
    var rows: Int
    var columns: Int
    var importance: [Float]?
    var search: ScaleSearch
    var seed: UInt64

    /// The same settings with other values of the same shape.
    func with(_ values: [Float]) -> Self {
        var copy = self
        copy.values = values
        return copy
    }

    /// Some columns, in the order given.
    func columns(_ order: [Int]) -> Self {
        var copy = self
        copy.columns = order.count
        copy.values = (0..<rows).flatMap { row in order.map { values[row * columns + $0] } }
        copy.importance = importance.map { one in order.map { one[$0] } }
        return copy
    }

    /// What the squared error of a column counts.
    func weight(_ column: Int) -> Double { importance.map { Double($0[column]) } ?? 1 }
}

/// A form that can lay out, write and read a matrix.
///
/// Shapes were checked: they multiply without overflow.
protocol MatrixCoding {
    /// The parts of a shape.
    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout]

    /// The bytes of the parts, in the order of the layout.
    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes]

    /// The values of parts with any content.
    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float]

    /// A matrix that computes with the parts as they are, if there is a kind.
    func matrix(_ stored: StoredMatrix) throws -> (any WeightMatrix)?
}

/// Hands out the parts of a matrix in their order.
struct PartReader {
    private var rest: ArraySlice<StoredMatrix.Part>

    init(parts: [StoredMatrix.Part]) { rest = parts[...] }

    init(_ form: MatrixForm, _ source: MatrixValues, _ bytes: [Bytes]) throws(QuantizationError) {
        let layouts = try form.layout(rows: source.rows, columns: source.columns)
        rest = zip(layouts, bytes).map { StoredMatrix.Part(layout: $0, bytes: $1) }[...]
    }

    /// The bytes of the next part.
    mutating func bytes() -> Bytes { rest.removeFirst().bytes }

    /// The next part as floats, all of them finite.
    mutating func floats(_ format: ScaleFormat) throws(QuantizationError) -> [Float] {
        let part = rest.removeFirst()
        let values = ScaleCodec(format).decode(part.bytes)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: part.layout.name, index: bad)
        }
        return values
    }

    /// The next part as it is, binary16 numbers that are all finite.
    mutating func halves() throws(QuantizationError) -> Bytes {
        let part = rest.removeFirst()
        for index in 0..<part.bytes.count / 2
        where part.bytes.load(UInt16.self, at: 2 * index) & 0x7C00 == 0x7C00 {
            throw .notFinite(part: part.layout.name, index: index)
        }
        return part.bytes
    }

    /// The next part as whole numbers that are not above a bound.
    mutating func numbers(upTo bound: Int) throws(QuantizationError) -> [Int] {
        let part = rest.removeFirst()
        let size = part.layout.type.bits / 8
        let numbers = (0..<part.bytes.count / size).map { index in
            size == 2
                ? Int(part.bytes.load(UInt16.self, at: 2 * index))
                : Int(part.bytes.load(UInt32.self, at: 4 * index))
        }
        if let bad = numbers.firstIndex(where: { $0 > bound }) {
            throw .badParts("\(part.layout.name) has \(numbers[bad]) at \(bad), above \(bound)")
        }
        return numbers
    }
}

/// Numbers as parts hold them.
enum PartBytes {
    /// The unsigned type for places below a bound.
    static func placeType(below bound: Int) -> ElementType { bound <= 1 << 16 ? .uint16 : .uint32 }

    /// Places, little-endian.
    static func places(_ places: [Int], below bound: Int) -> Bytes {
        let size = placeType(below: bound).bits / 8
        return Bytes(
            places.flatMap { place in
                (0..<size).map { UInt8(truncatingIfNeeded: place >> (8 * $0)) }
            })
    }

    /// Floats as binary16; what is too large is an error of the element named.
    static func halves(_ values: [Float], _ part: String) throws(QuantizationError) -> Bytes {
        let codec = ScaleCodec(.float16)
        if let bad = values.firstIndex(where: { !codec.nearest($0).isFinite }) {
            throw .badParts("\(part): \(values[bad]) is beyond the range of F16")
        }
        return codec.encode(values)
    }

    /// What a half keeps of a number.
    static func half(_ value: Float) -> Float { SmallFloat.float16(SmallFloat.float16Bits(value)) }
}
