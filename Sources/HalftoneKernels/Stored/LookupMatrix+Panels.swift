import HalftoneFormats
import Synchronization
import _HalftoneShims

extension LookupMatrix {
    /// Panels of the same codes and scales; nil where groups are neither whole half runs nor rows,
    /// or a code that is used stands for no number.
    ///
    /// Values are those of ``decode(rows:into:)`` where all of the table are multiples of one in
    /// three bytes, as those of all floats but of 5 exponent bits are; of others an element is off
    /// by at most 1/65278 of the largest that its scale allows.
    public func panels(on pool: WorkerPool) -> PanelMatrix? {
        guard let groupSize = PanelGeometry.groupSize(blockColumns, columns: columns), rows > 0,
            columns > 0, let table = panelTable(pool)
        else { return nil }
        defer { codes.releasePages() }
        let (storage, unit) = scaleStorage
        let geometry = PanelGeometry(
            rows: rows, columns: columns, bits: packing.bits, groupSize: groupSize,
            table: PanelTable(table, scale: unit), scales: storage)
        let runs = (columns + PanelMatrix.runLength - 1) / PanelMatrix.runLength
        let groups = (columns + groupSize - 1) / groupSize
        return unsafe codes.withUnsafeBytes { packed in
            let base = unsafe SharedInput(packed.baseAddress!.assumingMemoryBound(to: UInt8.self))
            return unsafe geometry.fill(
                columns: columns, formatName: formatName, pool: pool
            ) { number, panel, codes in
                var description = unsafe geometry.description
                for lane in 0..<min(PanelMatrix.panelRows, rows - PanelMatrix.panelRows * number) {
                    let row = PanelMatrix.panelRows * number + lane
                    unsafe unpack(
                        row, base.pointer, into: codes + PanelMatrix.runLength * runs * lane)
                    for group in 0..<groups {
                        let scale = scales[scaleIndex(row, group * groupSize)]
                        unsafe halftone_panel_put_scale(
                            &description, panel, Int64(group), Int64(lane),
                            storage.bits(of: scale / unit))
                    }
                }
            }
        }
    }

    /// The table with 0 for codes that do not occur; nil if one that does is no number.
    ///
    /// The largest value that occurs decides how fine those of wide tables can be.
    private func panelTable(_ pool: WorkerPool) -> [Float]? {
        if packing.bits < 7, table.allSatisfy(\.isFinite) { return table }
        let occurring = Mutex([Bool](repeating: false, count: table.count))
        pool.split(rows, grain: 64) { range in
            var own = [Bool](repeating: false, count: table.count)
            for row in range {
                for code in rowCodes(row) { own[Int(code)] = true }
            }
            occurring.withLock { all in
                for (code, occurs) in own.enumerated() where occurs { all[code] = true }
            }
        }
        let used = zip(table, occurring.withLock { $0 }).map { $1 ? $0 : 0 }
        return used.allSatisfy(\.isFinite) ? used : nil
    }

    /// The smallest storage of scales, and what they are multiples of there.
    private var scaleStorage: (PanelGeometry.Values, unit: Float) {
        let isPower = scales.allSatisfy {
            $0 > 0 && $0.isFinite && $0.significand == 1 && $0.exponent >= -127
        }
        if isPower { return (.e8m0, 1) }
        let isSmallFloat = scales.allSatisfy {
            $0.isFinite && NumberFormat.e4m3.rounded($0 / scaleUnit) * scaleUnit == $0
        }
        if isSmallFloat { return (.e4m3, scaleUnit) }
        return (.exact(scales), 1)
    }
}
