import Synchronization

/// The codes of a matrix in as many bits as they have to say: version 1 of the layout.
///
/// Rows that are about as wide share a table of frequencies. The bytes are
///
/// - U8: the number of tables, 1 to 16;
/// - where there are several, four bits for each row, the first of two in the low half of a byte: its
///   table;
/// - each table: the first code that occurs, how many more there are up to the last, and their
///   frequencies in shares of 2^14, seven bits to a byte;
/// - for each piece of as many rows as have about 65,536 codes, U32: the bytes of its stream;
/// - the streams of ``EntropyCoder``.
///
/// The smallest layout of one, two, four, eight and sixteen tables is taken.
public enum CodedRows {
    /// The name and version of the layout in files.
    public static let name = "coded-1"

    /// Codes of a piece, about.
    private static let pieceCodes = 1 << 16

    /// The most elements that are decoded: some bytes can stand for many.
    public static let mostElements = 1 << 31

    private static func rowsOfPiece(columns: Int) -> Int { max(1, pieceCodes / max(columns, 1)) }

    /// Codes a matrix.
    ///
    /// - Parameters:
    ///   - codes: `[rows, columns]`.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - pool: The threads to use.
    /// - Complexity: Some nanoseconds for a code.
    public static func encode(
        _ codes: [UInt8], rows: Int, columns: Int, pool: WorkerPool = .current
    ) -> [UInt8] {
        precondition(codes.count == rows * columns, "there is a code for each element")
        guard !codes.isEmpty else { return [] }
        let classes = RowClasses(codes, rows: rows, columns: columns)
        var bytes = classes.bytes
        let step = rowsOfPiece(columns: columns)
        let pieces = (rows + step - 1) / step
        let streams = Mutex([[UInt8]](repeating: [], count: pieces))
        pool.split(pieces, grain: 1) { range in
            for piece in range {
                let part = piece * step..<min((piece + 1) * step, rows)
                let stream = EntropyCoder.encode(
                    codes[part.lowerBound * columns..<part.upperBound * columns],
                    runLength: columns, tables: part.map { classes.tables[classes.ofRows[$0]] })
                streams.withLock { $0[piece] = stream }
            }
        }
        let found = streams.withLock { $0 }
        for stream in found {
            let count = UInt32(stream.count)
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * UInt32($0))) }
        }
        return found.reduce(into: bytes) { $0 += $1 }
    }

    /// Decodes a matrix.
    ///
    /// - Parameters:
    ///   - bytes: Of any content.
    ///   - rows: 1 or more.
    ///   - columns: 1 or more.
    ///   - bound: What codes are below.
    ///   - pool: The threads to use.
    /// - Returns: Nil when the bytes are no such matrix.
    public static func decode(
        _ bytes: Bytes, rows: Int, columns: Int, below bound: Int, pool: WorkerPool = .current
    ) -> [UInt8]? {
        guard rows > 0, columns > 0, rows <= mostElements / columns else { return nil }
        var reader = ByteReader(bytes)
        let step = rowsOfPiece(columns: columns)
        let pieces = (rows + step - 1) / step
        // No memory is taken for rows that so few bytes cannot have.
        guard bytes.count / (4 + EntropyCoder.leastByteCount) >= pieces,
            let classes = RowClasses(&reader, rows: rows),
            classes.tables.allSatisfy({ $0.frequencies.count <= bound })
        else { return nil }
        let counts = (0..<pieces).map { _ in Int(reader.number() ?? .max) }
        var streams: [Bytes] = []
        for count in counts {
            guard let stream = reader.run(count) else { return nil }
            streams.append(stream)
        }
        guard reader.left == 0 else { return nil }
        let tables = classes.tables.map { EntropyCoder.Decoding($0) }
        let found = Mutex([[UInt8]?](repeating: nil, count: pieces))
        let all = streams
        pool.split(pieces, grain: 1) { range in
            for piece in range {
                let part = piece * step..<min((piece + 1) * step, rows)
                let codes = EntropyCoder.decode(
                    all[piece], count: part.count * columns, runLength: columns,
                    tables: part.map { tables[classes.ofRows[$0]] })
                found.withLock { $0[piece] = codes }
            }
        }
        var codes: [UInt8] = []
        codes.reserveCapacity(rows * columns)
        for part in found.withLock({ $0 }) {
            guard let part else { return nil }
            codes += part
        }
        return codes
    }
}

/// Which rows share which table.
private struct RowClasses {
    /// The table of each row.
    var ofRows: [Int]
    var tables: [FrequencyTable]

    /// The classes that take the fewest bits.
    init(_ codes: [UInt8], rows: Int, columns: Int) {
        // 16 classes are joined to fewer: rows in the order of how far their codes are from the most
        // frequent one.
        var counts = [Int](repeating: 0, count: 256)
        for code in codes { counts[Int(code)] += 1 }
        let middle = counts.indices.max { (counts[$0], $1) < (counts[$1], $0) } ?? 0
        let widths = (0..<rows).map { row in
            codes[row * columns..<(row + 1) * columns].reduce(0) { $0 + abs(Int($1) - middle) }
        }
        let order = (0..<rows).sorted { (widths[$0], $0) < (widths[$1], $1) }
        var fine = [Int](repeating: 0, count: rows)
        for (place, row) in order.enumerated() { fine[row] = place * 16 / rows }
        var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 16)
        for row in 0..<rows {
            for code in codes[row * columns..<(row + 1) * columns] {
                histograms[fine[row]][Int(code)] += 1
            }
        }
        var best: (classes: RowClasses, bits: Double)?
        for share in [16, 8, 4, 2, 1] {
            let joined = stride(from: 0, to: 16, by: share).map { first in
                histograms[first..<first + share].reduce([Int](repeating: 0, count: 256)) {
                    zip($0, $1).map(+)
                }
            }
            // Fewer rows than classes leave some without codes.
            let used = joined.indices.filter { joined[$0].contains { $0 > 0 } }
            let tables = used.map { FrequencyTable(counts: joined[$0].upToLast) }
            let bits = zip(tables, used).reduce(0.0) { $0 + $1.0.bits(of: joined[$1.1]) }
            let classes = RowClasses(
                ofRows: fine.map { used.firstIndex(of: $0 / share) ?? 0 }, tables: tables)
            let all = bits + 8 * Double(classes.bytes.count)
            if best.map({ all < $0.bits }) ?? true { best = (classes, all) }
        }
        guard let best else { preconditionFailure("one table is a choice") }
        self = best.classes
    }

    private init(ofRows: [Int], tables: [FrequencyTable]) {
        (self.ofRows, self.tables) = (ofRows, tables)
    }

    /// The head of the layout.
    var bytes: [UInt8] {
        var bytes = [UInt8(tables.count)]
        if tables.count > 1 {
            for row in stride(from: 0, to: ofRows.count, by: 2) {
                let second = row + 1 < ofRows.count ? ofRows[row + 1] : 0
                bytes.append(UInt8(ofRows[row] | second << 4))
            }
        }
        return tables.reduce(into: bytes) { $0 += $1.bytes }
    }

    init?(_ reader: inout ByteReader, rows: Int) {
        guard let count = reader.byte(), (1...16).contains(count) else { return nil }
        ofRows = [Int](repeating: 0, count: count > 1 ? 0 : rows)
        if count > 1 {
            guard let packed = reader.run((rows + 1) / 2) else { return nil }
            ofRows = (0..<rows).map { Int(packed[$0 / 2] >> UInt8($0 % 2 * 4) & 15) }
            guard ofRows.allSatisfy({ $0 < count }) else { return nil }
        }
        tables = []
        for _ in 0..<count {
            guard let table = FrequencyTable(&reader) else { return nil }
            tables.append(table)
        }
    }
}

extension [Int] {
    /// Without the zeros at the end.
    fileprivate var upToLast: [Int] { Array(self[...(lastIndex { $0 > 0 } ?? 0)]) }
}
