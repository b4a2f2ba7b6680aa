/// An entropy coder: symbols in as many bits as their frequencies say, within some bytes.
///
/// Asymmetric numeral systems with ranges, of four states that take turns: a state is at least 2^16
/// and below 2^32, and takes and gives words of 16 bits. Symbols are coded from the last to the first,
/// so that they are decoded from the first on; symbol `i` goes to state `i mod 4`. A stream is the four
/// states as little-endian U32, then the words in the order in which they are read.
///
/// Source: J. Duda, "Asymmetric numeral systems: entropy coding combining speed of Huffman coding with
/// compression rate of arithmetic coding", arXiv:1311.2540, section 3 (rANS); F. Giesen, "Interleaved
/// entropy coders", arXiv:1402.3392, for states that take turns.
public enum EntropyCoder {
    private static let lanes = 4
    private static let least: UInt32 = 1 << 16

    /// Bytes of a stream of no symbols.
    static let leastByteCount = 4 * lanes

    /// Codes symbols.
    ///
    /// - Parameters:
    ///   - symbols: Each has a frequency above 0 in the table of its run.
    ///   - runLength: Symbols that share a table, one run after another.
    ///   - tables: A table for each run.
    public static func encode(
        _ symbols: ArraySlice<UInt8>, runLength: Int, tables: [FrequencyTable]
    ) -> [UInt8] {
        precondition(symbols.count <= runLength * tables.count, "each run has a table")
        var states = [UInt32](repeating: least, count: lanes)
        var words: [UInt16] = []
        words.reserveCapacity(symbols.count / 4)
        for place in stride(from: symbols.count - 1, through: 0, by: -1) {
            let table = tables[place / runLength]
            let symbol = Int(symbols[symbols.startIndex + place])
            let (frequency, start) = (table.frequencies[symbol], table.starts[symbol])
            precondition(frequency > 0, "the symbol has a frequency")
            var state = states[place % lanes]
            let bound = UInt64(frequency) << UInt64(32 - FrequencyTable.precision)
            if UInt64(state) >= bound {
                words.append(UInt16(truncatingIfNeeded: state))
                state >>= 16
            }
            let (quotient, rest) = state.quotientAndRemainder(dividingBy: frequency)
            states[place % lanes] = quotient << UInt32(FrequencyTable.precision) + rest + start
        }
        var bytes = states.flatMap { state in
            (0..<4).map { UInt8(truncatingIfNeeded: state >> (8 * UInt32($0))) }
        }
        bytes.reserveCapacity(bytes.count + 2 * words.count)
        for word in words.reversed() {
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(word >> 8))
        }
        return bytes
    }

    /// A table as decoding reads it.
    public struct Decoding: Sendable {
        fileprivate let symbols: [UInt8]
        fileprivate let table: FrequencyTable

        /// Prepares a table.
        public init(_ table: FrequencyTable) {
            self.table = table
            symbols = table.symbols()
        }
    }

    /// Decodes symbols.
    ///
    /// - Parameters:
    ///   - bytes: A whole stream, of any content.
    ///   - count: Symbols of it.
    ///   - runLength: Symbols that share a table.
    ///   - tables: A table for each run.
    /// - Returns: Nil when the stream is not one of as many symbols: it ends too early or too late, or
    ///   not with the states that coding begins with.
    public static func decode(
        _ bytes: Bytes, count: Int, runLength: Int, tables: [Decoding]
    ) -> [UInt8]? {
        precondition(count <= runLength * tables.count, "each run has a table")
        guard bytes.count >= leastByteCount else { return nil }
        var states = (0..<lanes).map { bytes.load(UInt32.self, at: 4 * $0) }
        var place = leastByteCount
        let mask = FrequencyTable.total - 1
        var symbols = [UInt8](repeating: 0, count: count)
        for (run, first) in stride(from: 0, to: count, by: runLength).enumerated() {
            let (slots, table) = (tables[run].symbols, tables[run].table)
            let (frequencies, starts) = (table.frequencies, table.starts)
            for index in first..<min(first + runLength, count) {
                var state = states[index % lanes]
                let slot = state & mask
                let symbol = slots[Int(slot)]
                state =
                    frequencies[Int(symbol)] &* (state >> UInt32(FrequencyTable.precision))
                    &+ slot &- starts[Int(symbol)]
                if state < least {
                    guard place + 2 <= bytes.count else { return nil }
                    state = state << 16 | UInt32(bytes.load(UInt16.self, at: place))
                    place += 2
                }
                states[index % lanes] = state
                symbols[index] = symbol
            }
        }
        guard place == bytes.count, states.allSatisfy({ $0 == least }) else { return nil }
        return symbols
    }
}
