import _HalftoneShims

/// Where the parts of a panel lie; see the header `panels.h`.
///
/// Its description has no address but that of its table.
@safe
struct PanelGeometry: @unchecked Sendable {
    /// How scales or offsets are stored.
    enum Values {
        case none
        case float16
        case bfloat16
        case float32
        /// Bytes that multiply a float16 shared by a number of groups.
        case bytes(signed: Bool, perOuter: Int)
        /// Bytes that are exponents: 2^(byte − 127).
        case e8m0
        /// Bytes that are E4M3 floats, which may have a factor in common.
        case e4m3
        /// Bytes that are UE3M5 floats, which have a factor in common.
        case ue3m5
        /// Zero points of 2, 4 or 8 bits: offset = −scale · zero.
        case zeros(bits: Int)
        /// Offset = factor · scale, without memory.
        case factor(Float)

        var kind: Int32 {
            let kind =
                switch self {
                case .none: HALFTONE_PANEL_NONE
                case .float16: HALFTONE_PANEL_FLOAT16
                case .bfloat16: HALFTONE_PANEL_BFLOAT16
                case .float32: HALFTONE_PANEL_FLOAT32
                case .bytes(signed: false, _): HALFTONE_PANEL_UINT8
                case .bytes(signed: true, _): HALFTONE_PANEL_INT8
                case .e8m0: HALFTONE_PANEL_E8M0
                case .e4m3: HALFTONE_PANEL_E4M3
                case .ue3m5: HALFTONE_PANEL_UE3M5
                case .zeros(bits: 2): HALFTONE_PANEL_ZEROS2
                case .zeros(bits: 4): HALFTONE_PANEL_ZEROS4
                case .zeros: HALFTONE_PANEL_ZEROS8
                case .factor: HALFTONE_PANEL_FACTOR
                }
            return Int32(kind)
        }
    }

    /// All but the address.
    private(set) var description: halftone_panels

    /// What codes stand for; keeps the memory that the description points to.
    let table: PanelTable?

    /// Bytes of a panel.
    var panelBytes: Int { unsafe Int(description.panel_bytes) }

    /// Lays out panels.
    ///
    /// - Parameters:
    ///   - bits: Of a code.
    ///   - groupSize: Columns of a group: 16 or a multiple of 32, or at least all columns.
    ///   - zero: What is subtracted from codes; of no effect with a table.
    ///   - table: What codes stand for, of as many bits; then there are no offsets.
    init(
        rows: Int, columns: Int, bits: Int, groupSize: Int, zero: Int = 0,
        table: PanelTable? = nil, scales: Values, offsets: Values = .none
    ) {
        precondition(table.map { $0.bits == bits } ?? true, "the table is of the codes")
        let runs = (columns + PanelMatrix.runLength - 1) / PanelMatrix.runLength
        let isHalf = groupSize == 16 && columns > 16
        var made = unsafe halftone_panels()
        unsafe made.rows = Int64(rows)
        unsafe made.runs = Int64(runs)
        unsafe made.record_runs = isHalf ? 0 : Int64(min((groupSize + 31) / 32, max(runs, 1)))
        unsafe made.bits = Int32(bits)
        unsafe made.zero = Int32(zero)
        unsafe made.scales = scales.kind
        unsafe made.offsets = offsets.kind
        unsafe made.scale_unit = 1
        if let table {
            unsafe made.digits = Int32(table.digits)
            unsafe made.unit = table.unit
            unsafe made.table = table.pointer
        }
        self.table = table
        if case .factor(let factor) = offsets { unsafe made.factor = factor }
        if case .bytes(_, let perOuter) = scales {
            unsafe made.header_records = Int64(isHalf ? perOuter / 2 : perOuter)
        }
        unsafe made.panel_bytes = withUnsafePointer(to: made) { unsafe halftone_panel_bytes($0) }
        unsafe description = made
    }

    /// The geometry of as many rows as there are of another matrix.
    init(_ other: PanelMatrix, rows: Int) {
        var made = unsafe other.description
        unsafe made.rows = Int64(rows)
        unsafe made.bytes = nil
        unsafe description = made
        table = other.table
    }

    /// The same with another value of scales of 1 that are small floats.
    func with(scaleUnit: Float) -> PanelGeometry {
        var geometry = self
        unsafe geometry.description.scale_unit = scaleUnit
        return geometry
    }

    /// The number of panels.
    var panelCount: Int {
        (unsafe Int(description.rows) + PanelMatrix.panelRows - 1) / PanelMatrix.panelRows
    }

    /// Makes a matrix by letting a closure fill each panel, on all threads of a pool.
    ///
    /// - Parameters:
    ///   - columns: Of the matrix.
    ///   - formatName: Of the matrix.
    ///   - pool: The threads.
    ///   - fill: Given the panel's number, its zeroed memory, and room for its codes
    ///     `[16][32 · runs]`, zero where nothing was written; writes all codes that the panel has
    ///     there, and scales and offsets in the panel.
    func fill(
        columns: Int, formatName: String, pool: WorkerPool,
        _ fill: (Int, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
    ) -> PanelMatrix {
        let rows = unsafe Int(description.rows)
        let panels = panelCount
        let runs = unsafe Int(description.runs)
        let codeCount = PanelMatrix.panelRows * PanelMatrix.runLength * runs
        let bytes = Bytes(count: panels * panelBytes) { span in
            unsafe span.withUnsafeMutableBytes { target in
                guard let base = target.baseAddress else { return }
                let memory = unsafe SharedBytes(base.assumingMemoryBound(to: UInt8.self))
                pool.split(panels, grain: 1) { range in
                    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: codeCount) {
                        let codes = $0.baseAddress!
                        unsafe codes.update(repeating: 0, count: codeCount)
                        for number in range {
                            let panel = unsafe memory.pointer + number * panelBytes
                            if (number + 1) * PanelMatrix.panelRows > rows, number > 0 {
                                // Rows behind the last are 0.
                                unsafe codes.update(repeating: 0, count: codeCount)
                            }
                            unsafe fill(number, panel, codes)
                            unsafe withUnsafePointer(to: description) {
                                unsafe halftone_panel_pack(Processor.features, $0, codes, panel)
                            }
                        }
                    }
                }
            }
        }
        return PanelMatrix(self, columns: columns, formatName: formatName, bytes: bytes)
    }

    /// As ``fill(columns:formatName:pool:_:)``, row by row and without codes of their own.
    func gather(
        columns: Int, formatName: String, rowsFrom source: PanelMatrix, _ order: [Int]
    ) -> PanelMatrix {
        let bytes = Bytes(count: panelCount * panelBytes) { span in
            unsafe span.withUnsafeMutableBytes { target in
                guard let base = target.baseAddress else { return }
                let memory = unsafe base.assumingMemoryBound(to: UInt8.self)
                unsafe withUnsafePointer(to: source.description) {
                    for (row, from) in order.enumerated() {
                        let (panel, lane) = row.quotientAndRemainder(
                            dividingBy: PanelMatrix.panelRows)
                        unsafe halftone_panel_copy_row(
                            $0, Int64(from), memory + panel * panelBytes, Int64(lane))
                    }
                }
            }
        }
        return PanelMatrix(self, columns: columns, formatName: formatName, bytes: bytes)
    }
}

/// A pointer that several threads write through, each to its own part.
@unsafe
private struct SharedBytes: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<UInt8>
    init(_ pointer: UnsafeMutablePointer<UInt8>) { unsafe self.pointer = pointer }
}
