import HalftoneFormats
import _HalftoneShims

extension UniformMatrix {
    /// Panels of the same codes; nil for groups that are neither whole half runs nor rows.
    public func panels(on pool: WorkerPool) -> PanelMatrix? {
        guard let groupSize = panelGroupSize, rows > 0, columns > 0 else { return nil }
        let scaleValues = PanelGeometry.Values.exact(scales)
        let symmetric = format.symmetricZeroPoint
        var zero = 0
        var offsetValues = PanelGeometry.Values.none
        if let zeroPoints {
            let areBytes = zeroPoints.allSatisfy { $0 >= 0 && $0 <= 255 && $0 == $0.rounded() }
            offsetValues = areBytes ? .zeros : .float32
        } else if symmetric == symmetric.rounded() {
            zero = Int(symmetric)
        } else {
            offsetValues = .factor(-symmetric)
        }
        let geometry = PanelGeometry(
            rows: rows, columns: columns, bits: format.bits, groupSize: groupSize, zero: zero,
            scales: scaleValues, offsets: offsetValues)
        let runs = (columns + 31) / 32
        let panelGroups = (columns + groupSize - 1) / groupSize
        return unsafe codes.withUnsafeBytes { packed in
            let base = unsafe SharedInput(packed.baseAddress!.assumingMemoryBound(to: UInt8.self))
            return unsafe geometry.fill(columns: columns, pool: pool) { number, panel, codes in
                var description = unsafe geometry.description
                for lane in 0..<min(16, rows - 16 * number) {
                    let row = 16 * number + lane
                    unsafe halftone_panel_unpack_row(
                        Int32(format.bits), base.pointer + row * bytesPerRow, Int64(runs),
                        codes + 32 * runs * lane)
                    for group in 0..<panelGroups {
                        let at = row * groupsPerRow + group * groupSize / self.groupSize
                        unsafe halftone_panel_put_scale(
                            &description, panel, Int64(group), Int64(lane),
                            scaleValues.bits(of: scales[at]))
                        guard let zeroPoints else { continue }
                        let offset =
                            if case .zeros = offsetValues { zeroPoints[at] } else {
                                -scales[at] * zeroPoints[at]
                            }
                        unsafe halftone_panel_put_offset(
                            &description, panel, Int64(group), Int64(lane),
                            offsetValues.bits(of: offset))
                    }
                }
            }
        }
    }

    /// Columns of a group of panels: 16 where the matrix's groups are odd numbers of half runs.
    private var panelGroupSize: Int? {
        if groupSize >= columns || groupSize % 32 == 0 { return groupSize }
        return groupSize % 16 == 0 ? 16 : nil
    }
}

extension PanelGeometry.Values {
    /// The smallest storage of floats that holds all values as they are.
    static func exact(_ values: [Float]) -> Self {
        if values.allSatisfy({ SmallFloat.float16(SmallFloat.float16Bits($0)) == $0 }) {
            return .float16
        }
        return values.allSatisfy { $0.bitPattern & 0xFFFF == 0 } ? .bfloat16 : .float32
    }

    /// The bits of a value as it is stored.
    func bits(of value: Float) -> UInt32 {
        switch self {
        case .float16: UInt32(SmallFloat.float16Bits(value))
        case .bfloat16: value.bitPattern >> 16
        case .float32: value.bitPattern
        case .e8m0: UInt32(Int(value.exponent) + 127)
        case .e4m3: UInt32(NumberFormat.e4m3.code(of: value))
        default: UInt32(value)
        }
    }
}

extension BlockMatrix {
    /// Panels of the same codes and scales; nil for types that are no multiples of small integers
    /// or of a table of sixteen.
    public func panels(on pool: WorkerPool) -> PanelMatrix? {
        guard rows > 0, columns > 0, let geometry = panelGeometry else { return nil }
        let blocks = columns / type.blockSize
        return unsafe bytes.withUnsafeBytes { stored in
            let base = unsafe SharedInput(stored.baseAddress!.assumingMemoryBound(to: UInt8.self))
            return unsafe geometry.fill(columns: columns, pool: pool) { number, panel, codes in
                let first = 16 * number
                unsafe withUnsafePointer(to: geometry.description) {
                    let known = unsafe halftone_panel_fill_blocks(
                        Int32(type.rawValue), Int64(type.blockSize), Int64(type.bytesPerBlock),
                        base.pointer + first * bytesPerRow, Int64(blocks),
                        Int64(min(16, rows - first)), $0, panel, codes)
                    precondition(known == 1, "\(type.name) has a geometry and no codes")
                }
            }
        }
    }

    private var panelGeometry: PanelGeometry? {
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
