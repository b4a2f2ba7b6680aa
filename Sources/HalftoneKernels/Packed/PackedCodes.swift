/// The layout of codes of 1 to 8 bits, in memory and in files.
///
/// A row of `columns` codes is cut into runs of 32; the last run is filled up with code 0. A run
/// takes 4 · `bits` bytes, so rows start on whole bytes and stand on their own, and no code
/// straddles two words. Within a run the bits of all 32 codes lie in chunks, the most significant
/// bits first. At 8 bits the one chunk is the 32 codes as bytes; below, there is a chunk for each
/// power of two in `bits`, widest first (7 = 4 + 2 + 1, 6 = 4 + 2, 5 = 4 + 1, 3 = 2 + 1):
///
/// | chunk | bytes | where the bits of element `e = 0 … 31` of the run are |
/// |---|---|---|
/// | 8 bits | 32 | byte `e` |
/// | 4 bits | 16 | byte `e mod 16`, bits `4 · (e / 16)` and the three above |
/// | 2 bits | 8 | byte `e mod 8`, bits `2 · (e / 8)` and the one above |
/// | 1 bit | 4 | byte `e / 8`, bit `e mod 8`: bit `e` of a little-endian 32-bit integer |
///
/// At 7 bits, for example, bytes 0–15 hold bits 6–3 of the codes, bytes 16–23 bits 2–1 and bytes
/// 24–27 bit 0. With one shift per half or quarter a chunk becomes 32 bytes in element order, which
/// is what vector instructions multiply, with floats as with bytes.
public enum PackedCodes {
    /// Codes in a run.
    public static let runLength = 32

    /// Bytes of one row: 4 · `bits` for each run of 32 codes, the last one padded.
    ///
    /// - Parameters:
    ///   - columns: Codes in a row, 0 or more, at most `Int.max / 8`.
    ///   - bits: 1 to 8.
    public static func bytesPerRow(columns: Int, bits: Int) -> Int {
        (columns / runLength + (columns % runLength == 0 ? 0 : 1)) * 4 * bits
    }

    /// Packs codes `[rows, columns]`.
    ///
    /// - Parameters:
    ///   - codes: `rows · columns` codes below `2^bits`, row after row; anything else is a mistake
    ///     of the caller.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - bits: 1 to 8.
    /// - Returns: `rows` times ``bytesPerRow(columns:bits:)`` bytes.
    public static func pack(codes: [UInt8], rows: Int, columns: Int, bits: Int) -> [UInt8] {
        precondition((1...8).contains(bits) && rows >= 0 && columns >= 0)
        precondition(codes.count == rows * columns, "there is a code for each element")
        precondition(Int(codes.reduce(0, |)) < 1 << bits, "a code is not below 2^bits")
        let runsPerRow = (columns + runLength - 1) / runLength
        let rowBytes = runsPerRow * 4 * bits
        var packed = [UInt8](repeating: 0, count: rows * rowBytes)
        var run = [UInt8](repeating: 0, count: runLength)
        for row in 0..<rows {
            for index in 0..<runsPerRow {
                let first = index * runLength
                let count = min(runLength, columns - first)
                for element in 0..<count { run[element] = codes[row * columns + first + element] }
                for element in count..<runLength { run[element] = 0 }
                write(run.span, bits: bits, into: &packed, at: row * rowBytes + index * 4 * bits)
            }
        }
        return packed
    }

    /// The codes `[rows, columns]` of packed rows.
    ///
    /// - Parameters:
    ///   - packed: `rows` times ``bytesPerRow(columns:bits:)`` bytes with any content.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - bits: 1 to 8.
    public static func unpack(_ packed: Bytes, rows: Int, columns: Int, bits: Int) -> [UInt8] {
        let rowBytes = bytesPerRow(columns: columns, bits: bits)
        precondition((1...8).contains(bits) && rows >= 0 && columns >= 0)
        precondition(packed.count == rows * rowBytes, "the bytes do not fit the shape")
        // Codes of a byte lie as they are, one after another.
        if bits == 8, rowBytes == columns { return packed.array }
        var codes = [UInt8](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let run = row * rowBytes + column / runLength * 4 * bits
                codes[row * columns + column] = code(
                    of: column % runLength, in: packed.span, run: run, bits: bits)
            }
        }
        return codes
    }

    /// One code of a run, by the table of the layout.
    ///
    /// - Parameters:
    ///   - element: 0 to 31.
    ///   - packed: Bytes that hold the run.
    ///   - run: The offset of the run.
    ///   - bits: 1 to 8.
    static func code(of element: Int, in packed: RawSpan, run: Int, bits: Int) -> UInt8 {
        if bits == 8 { return byte(packed, run + element) }
        var code: UInt8 = 0
        var chunk = run
        for width in [4, 2, 1] where bits & width != 0 {
            let (byteIndex, shift) = place(of: element, width: width)
            let part = byte(packed, chunk + byteIndex) >> shift & (1 << width - 1)
            code = code << width | part
            chunk += 4 * width
        }
        return code
    }

    /// The byte and the lowest bit of an element's part in a chunk.
    private static func place(of element: Int, width: Int) -> (byte: Int, shift: Int) {
        switch width {
        case 4: (element % 16, element / 16 * 4)
        case 2: (element % 8, element / 8 * 2)
        default: (element / 8, element % 8)
        }
    }

    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < bytes.byteCount)
        return unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Writes one run of 32 codes.
    @inline(__always)
    private static func write(
        _ run: Span<UInt8>, bits: Int, into packed: inout [UInt8], at offset: Int
    ) {
        if bits == 8 {
            for element in 0..<32 { packed[offset + element] = run[element] }
            return
        }
        var chunk = offset
        var lower = bits
        if bits & 4 != 0 {
            lower -= 4
            for j in 0..<16 {
                let low = run[j] &>> UInt8(lower) & 15
                let high = run[j + 16] &>> UInt8(lower) & 15
                packed[chunk + j] = low | high &<< 4
            }
            chunk += 16
        }
        if bits & 2 != 0 {
            lower -= 2
            for j in 0..<8 {
                var byte: UInt8 = 0
                for quarter in 0..<4 {
                    byte |= (run[j + 8 * quarter] &>> UInt8(lower) & 3) &<< UInt8(2 * quarter)
                }
                packed[chunk + j] = byte
            }
            chunk += 8
        }
        if bits & 1 != 0 {
            for j in 0..<4 {
                var byte: UInt8 = 0
                for bit in 0..<8 { byte |= (run[8 * j + bit] & 1) &<< UInt8(bit) }
                packed[chunk + j] = byte
            }
        }
    }
}
