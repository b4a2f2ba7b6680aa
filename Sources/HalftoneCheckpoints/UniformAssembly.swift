import HalftoneFormats
import HalftoneKernels

/// Integer codes of another program on their way into this package's kernels.
struct UniformAssembly {
    let module: String
    /// Output features.
    let rows: Int
    /// Input features.
    let columns: Int
    let bits: Int
    /// Columns that share a scale, after ``order``.
    let groupSize: Int
    /// `[rows, groups]`.
    let scales: [Float]
    /// `[rows, groups]` in codes, or nil for the middle code everywhere.
    let zeroPoints: [Float]?
    /// For each column of the kernels its column in the file, or nil when they are the same.
    var order: [Int]?
    /// Bytes of the module's tensors in the file.
    let byteCount: Int

    /// Elements that are unpacked at a time.
    private static let chunk = 1 << 20

    /// Repacks the codes, a bounded number of rows at a time.
    ///
    /// - Parameter fill: Writes the codes of some rows, row after row in the order of the file;
    ///   ranges start at multiples of 8.
    func matrix(
        _ fill: (Range<Int>, inout [UInt8]) -> Void
    ) throws(CheckpointError) -> any WeightMatrix {
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: bits)
        let step = max(8, Self.chunk / max(columns, 1) / 8 * 8)
        let packed = Bytes(count: rows * rowBytes) { target in
            var codes: [UInt8] = []
            for start in stride(from: 0, to: rows, by: step) {
                let range = start..<min(start + step, rows)
                if codes.count != range.count * columns {
                    codes = [UInt8](repeating: 0, count: range.count * columns)
                }
                fill(range, &codes)
                let chunk = PackedCodes.pack(
                    codes: ordered(codes, range.count), rows: range.count, columns: columns,
                    bits: bits)
                for (index, byte) in chunk.enumerated() {
                    target.storeBytes(
                        of: byte, toByteOffset: start * rowBytes + index, as: UInt8.self)
                }
            }
        }
        do {
            let matrix = try UniformMatrix(
                format: IntegerFormat(bits: bits, symmetric: zeroPoints == nil),
                granularity: groupSize >= columns ? .channel : .group(groupSize), rows: rows,
                columns: columns, codes: packed, scales: scales, zeroPoints: zeroPoints,
                byteCount: byteCount)
            guard let order else { return matrix }
            return ReorderedMatrix(stored: matrix, order: order, byteCount: byteCount)
        } catch {
            throw .badContent(tensor: module, reason: "\(error)")
        }
    }

    private func ordered(_ codes: [UInt8], _ rows: Int) -> [UInt8] {
        guard let order else { return codes }
        var result = codes
        for row in 0..<rows {
            for (column, place) in order.enumerated() {
                result[row * columns + column] = codes[row * columns + place]
            }
        }
        return result
    }
}

/// The order of columns that a group index asks for.
enum GroupOrder {
    /// Sorts columns by group.
    ///
    /// - Parameters:
    ///   - index: The group of each column, as tensor `name` has them.
    ///   - groupSize: Columns of a group; the last may have fewer.
    ///   - groups: How many there are.
    /// - Returns: Nil when the columns lie in order as they are.
    /// - Throws: ``CheckpointError/badContent(tensor:reason:)`` for groups that do not exist or
    ///   have another number of columns.
    static func order(
        _ index: [Int], name: String, groupSize: Int, groups: Int
    ) throws(CheckpointError) -> [Int]? {
        var members = [[Int]](repeating: [], count: groups)
        for (column, group) in index.enumerated() {
            guard (0..<groups).contains(group) else {
                throw .badContent(
                    tensor: name,
                    reason: "column \(column) is in group \(group); there are \(groups)")
            }
            members[group].append(column)
        }
        for (group, columns) in members.enumerated() {
            let wanted = min(groupSize, index.count - group * groupSize)
            guard columns.count == wanted else {
                throw .badContent(
                    tensor: name,
                    reason: "group \(group) has \(columns.count) columns; groups of \(groupSize) "
                        + "in \(index.count) columns leave it \(wanted)")
            }
        }
        let order = members.flatMap { $0 }
        return order == Array(index.indices) ? nil : order
    }
}

/// The transpose of a matrix of floats: `[columns, rows]`.
func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<rows {
        for column in 0..<columns {
            result[column * rows + row] = values[row * columns + column]
        }
    }
    return result
}
