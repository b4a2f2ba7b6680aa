import _HalftoneShims

/// A matrix of packed codes in the order that products with signed bytes read it: panels of
/// sixteen rows, in each of which vector registers find four neighbours of every row.
///
/// The layout is described in the header `panels.h`. An element is `scale · (code − zero) +
/// offset` with the scale and offset of its group, or `scale · table[code]`, where a value of the
/// table is a fixed-point number of up to three bytes. Made from a ``WeightMatrix`` by
/// ``WeightMatrix/panels(on:)`` with the same values, or on the bytes of a file by
/// ``init(_:formatName:scaleFactor:bytes:)``. Codes and scales take the bytes that they take in rows; rows are
/// filled up to whole panels, columns to whole runs of 32.
@safe
public struct PanelMatrix: @unchecked Sendable {
    /// Rows of a panel.
    public static let panelRows = 16

    /// Columns of a run, which share a scale of a vector.
    public static let runLength = 32

    /// Output features.
    public var rows: Int { unsafe Int(description.rows) }

    /// Input features.
    public let columns: Int

    /// A short name of the format: `int4 g32`.
    public let formatName: String

    /// Bytes of memory, those of rows and columns that fill up included, and the factor of 8-bit
    /// scales.
    public var byteCount: Int {
        let kind = unsafe Int(description.scales)
        let isByte = kind == HALFTONE_PANEL_E4M3 || kind == HALFTONE_PANEL_UE3M5
        return bytes.count + (isByte && table == nil ? 4 : 0)
    }

    /// Bytes of a value that codes are looked up as, 1 to 3; 0 where they are numbers themselves.
    package var digits: Int { table?.digits ?? 0 }

    /// The number of panels.
    public var panelCount: Int { (rows + Self.panelRows - 1) / Self.panelRows }

    /// What the kernels read; points into `bytes` and `table`.
    let description: halftone_panels

    /// The panels one behind the other.
    public let bytes: Bytes
    let table: PanelTable?

    /// Takes memory that is laid out as a geometry says.
    init(_ geometry: PanelGeometry, columns: Int, formatName: String, bytes: Bytes) {
        self.columns = columns
        self.formatName = formatName
        self.bytes = bytes
        table = geometry.table
        var description = unsafe geometry.description
        unsafe bytes.withUnsafeBytes {
            unsafe description.bytes = $0.baseAddress?.assumingMemoryBound(to: UInt8.self)
        }
        unsafe self.description = description
    }

    /// One row as float32, in the definition's order of operations.
    public func decoded(row: Int) -> [Float] {
        precondition(row >= 0 && row < rows, "the matrix has the row")
        return unsafe [Float](unsafeUninitializedCapacity: columns) { buffer, count in
            if let base = buffer.baseAddress {
                unsafe withUnsafePointer(to: description) {
                    unsafe halftone_panel_decode_row($0, Int64(row), Int64(columns), base)
                }
            }
            count = columns
        }
    }

    /// Which instructions multiply; all give the same bits.
    package enum Form: CaseIterable {
        case plain
        case avx2
        case avx512VNNI
        case avx512VBMI
        case neon
        case neonDotProduct

        /// Whether this processor has them.
        package var isAvailable: Bool {
            Processor.features & neededFeatures == neededFeatures
        }

        var neededFeatures: UInt32 {
            switch self {
            case .plain: 0
            case .avx2: UInt32(HALFTONE_CPU_AVX2_FMA)
            case .avx512VNNI: UInt32(HALFTONE_CPU_AVX2_FMA | HALFTONE_CPU_AVX512_VNNI)
            case .avx512VBMI:
                UInt32(
                    HALFTONE_CPU_AVX2_FMA | HALFTONE_CPU_AVX512_VNNI | HALFTONE_CPU_AVX512_VBMI)
            case .neon: UInt32(HALFTONE_CPU_NEON)
            case .neonDotProduct: UInt32(HALFTONE_CPU_NEON | HALFTONE_CPU_DOTPROD)
            }
        }
    }

    /// The products of all rows with vectors `[count, columns]`, computed in a given form.
    ///
    /// - Returns: `[count, rows]`.
    package func products(with input: [Float], count: Int, form: Form) -> [Float] {
        precondition(input.count == count * columns, "each vector has a value per column")
        let vectors = PanelVectors(columns: columns, capacity: count)
        var output = [Float](repeating: 0, count: count * rows)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                guard let x = input.baseAddress, let y = output.baseAddress else { return }
                unsafe vectors.quantize(
                    x, stride: columns, rows: 0..<count, columns: 0..<columns)
                let to = unsafe halftone_panel_output(
                    values: y, stride: Int64(rows), bias: nil, adds: 0)
                unsafe multiply(
                    panels: 0..<panelCount, vectors.rows(0..<count), to,
                    features: form.neededFeatures)
            }
        }
        return output
    }

    /// Multiplies some panels with vectors.
    @unsafe
    func multiply(
        panels: Range<Int>, _ vectors: halftone_panel_vectors, _ output: halftone_panel_output,
        features: UInt32 = Processor.features
    ) {
        unsafe withUnsafePointer(to: description) { matrix in
            unsafe withUnsafePointer(to: vectors) { vectors in
                unsafe withUnsafePointer(to: output) { output in
                    unsafe halftone_panel_product(
                        features, matrix, Int64(panels.lowerBound), Int64(panels.upperBound),
                        vectors, output)
                }
            }
        }
    }
}
