import SwiftCSV

/// A table of text fields with named columns, read from CSV.
public struct CSVTable: Sendable, Equatable {
    /// The names of the columns in the order of the file.
    public let columns: [String]
    /// The fields of each row, one for each column.
    public let rows: [[String]]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: A UTF-8 file with a first row of names; fields with commas, quotes or line
    ///     breaks stand in double quotes.
    ///   - byteLimit: The most bytes to read.
    /// - Throws: ``DataError`` that names the file and the row; for a Parquet file it has the
    ///   command that makes a CSV file of it.
    public init(path: String, byteLimit: Int = 1 << 30) throws(DataError) {
        let bytes = try FolderListing.read(path, limit: byteLimit)
        // Debian has no library for Parquet, and pip has one for Python alone (pyarrow).
        if bytes.starts(with: "PAR1".utf8) { throw .parquet(path: path) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .notText(path: path)
        }
        try self.init(text: text, path: path)
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: As in a file.
    ///   - path: What an error names.
    public init(text: String, path: String = "the table") throws(DataError) {
        // The library drops an empty last field unless a line break follows it.
        let whole = text.isEmpty || text.last?.isNewline == true ? text : text + "\n"
        // A byte-order mark is no part of the first name.
        let source = whole.hasPrefix("\u{FEFF}") ? String(whole.dropFirst()) : whole
        // A quotation mark that is never closed would end the table early without a word.
        guard source.utf8.count(where: { $0 == UInt8(ascii: "\"") }).isMultiple(of: 2) else {
            throw .notATable(path: path, reason: "a quotation mark is not closed")
        }
        var fields: [[String]] = []
        do {
            let csv = try CSV<Enumerated>(string: source, delimiter: .comma, loadColumns: false)
            // The library's own rows are filled up or cut to the length of the header.
            try csv.enumerateAsArray(startAt: 0, rowLimit: nil) { fields.append($0) }
        } catch {
            throw .notATable(path: path, reason: "\(error)")
        }
        guard let header = fields.first, !header.isEmpty, header != [""] else {
            throw .empty(path: path, wanted: "row with names")
        }
        columns = header
        // A line without anything is no row.
        let rows = fields.dropFirst().filter { header.count == 1 || $0 != [""] }
        for (index, row) in rows.enumerated() where row.count != header.count {
            throw .raggedRow(
                path: path, row: index + 2, found: row.count, expected: header.count)
        }
        self.rows = Array(rows)
    }

    /// The numbers of a column, or nil when it is not there; a field that is no number is NaN.
    public func numbers(_ column: String) -> [Float]? {
        guard let position = columns.firstIndex(of: column) else { return nil }
        return rows.map { Float($0[position]) ?? .nan }
    }

    /// A column as ids from 0 in the order in which values first come, and the values.
    ///
    /// - Parameters:
    ///   - column: Its name.
    ///   - minimumCount: Values that come less often share one id, the last, with the name "".
    public func categories(
        _ column: String, minimumCount: Int = 1
    ) -> (ids: [Int32], values: [String])? {
        guard let position = columns.firstIndex(of: column) else { return nil }
        var counts: [String: Int] = [:]
        for row in rows { counts[row[position], default: 0] += 1 }
        var values: [String] = []
        var known: [String: Int32] = [:]
        var hasRare = false
        for row in rows {
            let value = row[position]
            if counts[value, default: 0] < minimumCount {
                hasRare = true
            } else if known[value] == nil {
                known[value] = Int32(truncatingIfNeeded: values.count)
                values.append(value)
            }
        }
        let rare = Int32(truncatingIfNeeded: values.count)
        if hasRare { values.append("") }
        return (rows.map { known[$0[position]] ?? rare }, values)
    }
}
