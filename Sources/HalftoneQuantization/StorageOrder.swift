import HalftoneKernels

/// In which order a folder holds the codes and scales of a packed matrix.
public enum StorageOrder: String, Sendable, CaseIterable, Codable {
    /// Codes row after row, and scales and zero points in tensors of their own.
    case rows
    /// Panels, which products read as they lie in the mapped file, where a scheme has them; else
    /// rows.
    case panels
    /// Panels where they take at most a 64th more bytes than rows, what fills them up included.
    case automatic
    /// Codes in as many bits as they have to say, by an entropy coder (`CodedRows`): the smallest file,
    /// whose codes are decoded when it is loaded.
    case coded
}

extension WeightScheme {
    /// How a matrix lies in panels; nil when it is better or can only be stored in rows.
    ///
    /// - Parameters:
    ///   - order: What is wanted.
    ///   - rows: Output features.
    ///   - columns: Input features.
    public func panels(_ order: StorageOrder, rows: Int, columns: Int) -> PanelLayout? {
        guard order == .panels || order == .automatic,
            let layout = PanelLayout(
                format: format, granularity: granularity, scaleFormat: scaleFormat, rows: rows,
                columns: columns)
        else { return nil }
        let inRows = byteCount(rows: rows, columns: columns)
        let inPanels = layout.byteCount + factorByteCount
        return order == .panels || inPanels <= inRows + inRows / 64 ? layout : nil
    }

    /// Bytes of a matrix as it is stored in an order; of coded ones, which depend on the codes, those
    /// that they would take in rows.
    ///
    /// - Parameters:
    ///   - order: What is wanted.
    ///   - rows: Output features.
    ///   - columns: Input features.
    public func byteCount(_ order: StorageOrder, rows: Int, columns: Int) -> Int {
        panels(order, rows: rows, columns: columns).map { $0.byteCount + factorByteCount }
            ?? byteCount(rows: rows, columns: columns)
    }
}
