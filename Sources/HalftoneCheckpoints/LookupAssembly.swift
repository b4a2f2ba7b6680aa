import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Codes of small floats and tables of another program, which stay as the file has them.
struct LookupAssembly {
    let tensor: StoredTensor
    let rows: Int
    let columns: Int
    let packing: LookupMatrix.Packing
    let table: [Float]
    let blocks: LookupMatrix.Blocks
    let scales: [Float]
    let formatName: String
    let byteCount: Int

    func matrix() throws(CheckpointError) -> any WeightMatrix {
        do {
            return try LookupMatrix(
                rows: rows, columns: columns, codes: tensor.bytes, packing: packing, table: table,
                blocks: blocks, scales: scales, formatName: formatName, byteCount: byteCount)
        } catch {
            throw .badContent(tensor: tensor.name, reason: "\(error)")
        }
    }
}

extension NumberFormat {
    /// The value of every code.
    var allValues: [Float] {
        (0..<1 << bits).map { value(of: UInt8($0)) }
    }
}

extension StoredTensor {
    /// The elements of a tensor of bytes that are codes of a format, each finite.
    func decoded(_ format: NumberFormat) throws(CheckpointError) -> [Float] {
        let values = (0..<elementCount).map { format.value(of: bytes[$0]) }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .badContent(tensor: name, reason: "element \(bad) is \(values[bad])")
        }
        return values
    }
}
