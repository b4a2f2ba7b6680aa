import HalftoneFormats
import HalftoneKernels

/// Codes of a matrix, each row from a whole byte on: a stream of bits, or digits of words where the
/// number of values is no power of two and words take less.
struct CodeRows {
    /// The number of codes, 2 to 65536.
    let values: Int
    private let packing: RadixPacking?
    private let bits: Int

    init(values: Int) {
        self.values = values
        bits = Int.bitWidth - (max(values, 2) - 1).leadingZeroBitCount
        let isPower = values == 1 << bits
        packing = isPower || values > 256 ? nil : RadixPacking(levels: values)
    }

    /// Words of digits are taken where they are shorter for the whole row.
    private func usesWords(_ columns: Int) -> Bool {
        guard let packing else { return false }
        return packing.byteCount(codes: columns) < (columns * bits + 7) / 8
    }

    /// Bytes of a row.
    func byteCount(columns: Int) -> Int {
        let plain = (columns * bits + 7) / 8
        return packing.map { min($0.byteCount(codes: columns), plain) } ?? plain
    }

    func encode(_ codes: [Int], rows: Int, columns: Int) -> Bytes {
        var bytes: [UInt8] = []
        for row in 0..<rows {
            let codes = codes[row * columns..<(row + 1) * columns]
            if usesWords(columns), let packing {
                bytes += packing.pack(codes.map { UInt8($0) })
            } else {
                bytes += stream(codes)
            }
        }
        return Bytes(bytes)
    }

    /// Codes from any bytes: those that no value has become 0.
    func decode(_ bytes: Bytes, rows: Int, columns: Int) -> [Int] {
        let size = byteCount(columns: columns)
        return (0..<rows).flatMap { row -> [Int] in
            let part = bytes[row * size..<(row + 1) * size]
            if usesWords(columns), let packing {
                return packing.unpack(part.array, count: columns).map { Int($0) }
            }
            return (0..<columns).map { column in
                let code = Self.code(part, at: column, bits: bits)
                return code < values ? code : 0
            }
        }
    }

    /// Codes as a stream of bits in each row, which they are already unless words take less.
    func plain(_ bytes: Bytes, rows: Int, columns: Int) -> Bytes {
        guard usesWords(columns) else { return bytes }
        let codes = decode(bytes, rows: rows, columns: columns)
        return Bytes(
            (0..<rows).flatMap { stream(codes[$0 * columns..<($0 + 1) * columns]) })
    }

    private func stream(_ codes: ArraySlice<Int>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: (codes.count * bits + 7) / 8)
        for (index, code) in codes.enumerated() {
            // At most 16 bits lie in three bytes.
            let (first, shift) = (index * bits).quotientAndRemainder(dividingBy: 8)
            for byte in 0...(shift + bits - 1) / 8 {
                bytes[first + byte] |= UInt8(truncatingIfNeeded: (code << shift) >> (8 * byte))
            }
        }
        return bytes
    }

    private static func code(_ bytes: Bytes, at index: Int, bits: Int) -> Int {
        let first = index * bits
        var code = 0
        // At most 16 bits lie in three bytes.
        for byte in first / 8...(first + bits - 1) / 8 {
            let shift = 8 * byte - first
            code |= shift < 0 ? Int(bytes[byte]) >> -shift : Int(bytes[byte]) << shift
        }
        return code & ((1 << bits) - 1)
    }
}
