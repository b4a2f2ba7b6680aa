import HalftoneFormats
import _HalftoneShims

extension UniformMatrix {
    /// Panels of the same codes; nil for groups that are neither whole half runs nor rows.
    public func panels(on pool: WorkerPool) -> PanelMatrix? {
        guard rows > 0, columns > 0,
            let groupSize = PanelGeometry.groupSize(groupSize, columns: columns)
        else { return nil }
        let most = Float(format.bits <= 4 ? 15 : 255)
        let areCodes = zeroPoints?.allSatisfy { $0 >= 0 && $0 <= most && $0 == $0.rounded() }
        let geometry = PanelGeometry(
            rows: rows, columns: columns, format: format, groupSize: groupSize,
            scales: .exact(scales),
            zeros: areCodes.map { $0 ? .zeros(bits: format.bits <= 4 ? 4 : 8) : .float32 })
        return fill(geometry, groupSize, pool)
    }

    /// Panels as a file has them.
    ///
    /// - Parameters:
    ///   - layout: Of this matrix's format, shape and groups, with scales in a type that holds
    ///     this matrix's as they are, and zero points that are codes; anything else is a mistake of
    ///     the caller.
    ///   - scaleFactor: What multiplies 8-bit scales.
    ///   - pool: The threads.
    public func panels(
        as layout: PanelLayout, scaleFactor: Float = 1, on pool: WorkerPool
    ) -> PanelMatrix {
        precondition(
            layout.format == format && layout.rows == rows && layout.columns == columns,
            "the layout is that of the matrix")
        return fill(layout.geometry.with(scaleUnit: scaleFactor), layout.groupSize, pool)
    }

    private func fill(
        _ geometry: PanelGeometry, _ panelGroup: Int, _ pool: WorkerPool
    ) -> PanelMatrix {
        let runs = (columns + 31) / 32
        let groups = (columns + panelGroup - 1) / panelGroup
        let result = unsafe codes.withUnsafeBytes { packed in
            unsafe withParts(from: 0) { _, scales, zeros in
                let base = unsafe SharedParts(
                    packed.baseAddress!.assumingMemoryBound(to: UInt8.self), scales, zeros)
                return unsafe geometry.fill(
                    columns: columns, formatName: formatName, pool: pool
                ) { number, panel, codes in
                    unsafe withUnsafePointer(to: geometry.description) { description in
                        for lane in 0..<min(16, rows - 16 * number) {
                            let row = 16 * number + lane
                            unsafe halftone_panel_unpack_row(
                                Int32(format.bits), base.pointer + row * bytesPerRow, Int64(runs),
                                codes + 32 * runs * lane)
                            let first = row * groupsPerRow
                            unsafe halftone_panel_put_row(
                                description, panel, Int64(lane), base.scales + first,
                                base.zeros.map { unsafe $0 + first }, Int64(groups),
                                Int64(panelGroup), Int64(groupSize))
                        }
                    }
                }
            }
        }
        codes.releasePages()
        return result
    }
}

extension PanelGeometry {
    /// Lays out integer codes.
    init(
        rows: Int, columns: Int, format: IntegerFormat, groupSize: Int, scales: Values,
        zeros: Values?
    ) {
        let symmetric = format.symmetricZeroPoint
        let isWhole = symmetric == symmetric.rounded()
        self.init(
            rows: rows, columns: columns, bits: format.bits, groupSize: groupSize,
            zero: zeros == nil && isWhole ? Int(symmetric) : 0, scales: scales,
            offsets: zeros ?? (isWhole ? .none : .factor(-symmetric)))
    }

    /// Columns of a group of panels: 16 where a matrix's groups are odd numbers of half runs.
    static func groupSize(_ size: Int, columns: Int) -> Int? {
        if size >= columns || size % 32 == 0 { return size }
        return size % 16 == 0 ? 16 : nil
    }
}

extension PanelGeometry.Values {
    /// The smallest storage of floats that holds all values as they are.
    static func exact(_ values: [Float]) -> Self {
        let kind = unsafe values.withUnsafeBufferPointer {
            unsafe halftone_panel_scale_storage($0.baseAddress, Int64($0.count))
        }
        return switch kind {
        case Int32(HALFTONE_PANEL_FLOAT16): .float16
        case Int32(HALFTONE_PANEL_BFLOAT16): .bfloat16
        default: .float32
        }
    }

    /// The bits of a value as it is stored.
    func bits(of value: Float) -> UInt32 {
        switch self {
        case .float16: UInt32(SmallFloat.float16Bits(value))
        case .bfloat16: value.bitPattern >> 16
        case .float32: value.bitPattern
        case .e8m0: UInt32(Int(value.exponent) + 127)
        case .e4m3: UInt32(NumberFormat.e4m3.code(of: value))
        case .ue3m5: UInt32(NumberFormat.ue3m5.code(of: value))
        default: UInt32(value)
        }
    }
}

extension BlockMatrix {
    /// Panels of the same codes and scales; nil for types that are no multiples of small integers
    /// or of a table of sixteen.
    public func panels(on pool: WorkerPool) -> PanelMatrix? { panels(on: pool, order: nil) }

    /// Panels of some rows in an order, or of all.
    func panels(on pool: WorkerPool, order: [Int]?) -> PanelMatrix? {
        let rows = order?.count ?? rows
        guard rows > 0, columns > 0, let geometry = panelGeometry(rows: rows) else { return nil }
        let blocks = columns / type.blockSize
        defer { bytes.releasePages() }
        return unsafe bytes.withUnsafeBytes { stored in
            let base = unsafe SharedInput(stored.baseAddress!.assumingMemoryBound(to: UInt8.self))
            return unsafe geometry.fill(
                columns: columns, formatName: formatName, pool: pool
            ) { number, panel, codes in
                unsafe withUnsafePointer(to: geometry.description) {
                    for lane in 0..<min(16, rows - 16 * number) {
                        let row = 16 * number + lane
                        let from = (order?[row] ?? row) * bytesPerRow
                        let known = unsafe halftone_panel_fill_blocks(
                            Int32(type.rawValue), Int64(type.blockSize), Int64(type.bytesPerBlock),
                            base.pointer + from, Int64(blocks), Int64(lane), $0, panel, codes)
                        precondition(known == 1, "\(type.name) has a geometry and no codes")
                    }
                }
            }
        }
    }

    private func panelGeometry(rows: Int) -> PanelGeometry? {
        func geometry(
            _ bits: Int, group: Int, zero: Int, table: PanelTable? = nil,
            _ scales: PanelGeometry.Values, _ offsets: PanelGeometry.Values = .none
        ) -> PanelGeometry {
            PanelGeometry(
                rows: rows, columns: columns, bits: bits, groupSize: group, zero: zero,
                table: table, scales: scales, offsets: offsets)
        }
        func bytes(_ signed: Bool, _ perOuter: Int) -> PanelGeometry.Values {
            .bytes(signed: signed, perOuter: perOuter)
        }
        return switch type {
        case .q4_0: geometry(4, group: 32, zero: 8, .float16)
        case .q4_1: geometry(4, group: 32, zero: 0, .float16, .float16)
        case .q5_0: geometry(5, group: 32, zero: 16, .float16)
        case .q5_1: geometry(5, group: 32, zero: 0, .float16, .float16)
        case .q8_0: geometry(8, group: 32, zero: 128, .float16)
        case .q2_K: geometry(2, group: 16, zero: 0, bytes(false, 16), bytes(false, 16))
        case .q3_K: geometry(3, group: 16, zero: 4, bytes(true, 16))
        case .q4_K: geometry(4, group: 32, zero: 0, bytes(false, 8), bytes(false, 8))
        case .q5_K: geometry(5, group: 32, zero: 0, bytes(false, 8), bytes(false, 8))
        case .q6_K: geometry(6, group: 16, zero: 32, bytes(true, 16))
        case .iq4_NL: geometry(4, group: 32, zero: 0, table: .nonlinear, .float16)
        case .iq4_XS: geometry(4, group: 32, zero: 0, table: .nonlinear, bytes(true, 8))
        case .tq1_0, .tq2_0: geometry(2, group: 256, zero: 1, .float16)
        case .mxfp4: geometry(4, group: 32, zero: 0, table: .e2m1, .e8m0)
        case .nvfp4: geometry(4, group: 16, zero: 0, table: .e2m1, .e4m3)
        default: nil
        }
    }
}

/// A pointer that several threads read.
@unsafe
struct SharedInput: @unchecked Sendable {
    let pointer: UnsafePointer<UInt8>
    init(_ pointer: UnsafePointer<UInt8>) { unsafe self.pointer = pointer }
}

/// Codes, scales and zero points that several threads read.
@unsafe
private struct SharedParts: @unchecked Sendable {
    let pointer: UnsafePointer<UInt8>
    let scales: UnsafePointer<Float>
    let zeros: UnsafePointer<Float>?

    init(
        _ pointer: UnsafePointer<UInt8>, _ scales: UnsafePointer<Float>,
        _ zeros: UnsafePointer<Float>?
    ) {
        unsafe self.pointer = pointer
        unsafe self.scales = scales
        unsafe self.zeros = zeros
    }
}
