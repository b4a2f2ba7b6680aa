/// What is wrong with a file or folder of data.
public enum DataError: Error, Sendable, Equatable {
    /// The system could not read it.
    case cannotRead(path: String, reason: String)
    /// The file is larger than the limit.
    case tooLarge(path: String, byteCount: Int, limit: Int)
    /// The bytes are not UTF-8.
    case notText(path: String)
    /// The folder has nothing that can be used.
    case empty(path: String, wanted: String)
    /// A row has another number of fields than the first.
    case raggedRow(path: String, row: Int, found: Int, expected: Int)
    /// A quotation mark that is not closed, or other text that is no table.
    case notATable(path: String, reason: String)
    /// Bytes that are no array of numbers, or not one of the shape that is wanted.
    case notAnArray(path: String, reason: String)
    /// A Parquet file where a table is wanted.
    case parquet(path: String)
    /// A picture cannot be used.
    case picture(path: String, reason: String)
}

extension DataError: CustomStringConvertible {
    /// Which file, what was found and what would do.
    public var description: String {
        switch self {
        case .cannotRead(let path, let reason): "\(path): \(reason)"
        case .tooLarge(let path, let count, let limit):
            "\(path): \(count) bytes are more than the limit of \(limit)"
        case .notText(let path): "\(path): not UTF-8"
        case .empty(let path, let wanted): "\(path): has no \(wanted)"
        case .raggedRow(let path, let row, let found, let expected):
            "\(path): row \(row) has \(found) fields, the first row has \(expected)"
        case .notATable(let path, let reason): "\(path): \(reason)"
        case .notAnArray(let path, let reason): "\(path): \(reason)"
        case .parquet(let path):
            """
            \(path): a Parquet file, which is not read here; with Python, make a CSV file of it: \
            pip install pyarrow && python3 -c "import sys, pyarrow.csv as c, pyarrow.parquet as p; \
            c.write_csv(p.read_table(sys.argv[1]), sys.argv[2])" \(Self.quoted(path)) table.csv
            """
        case .picture(let path, let reason): "\(path): \(reason)"
        }
    }

    /// A path as a shell takes it.
    private static func quoted(_ path: String) -> String {
        "'" + path.replacing("'", with: "'\\''") + "'"
    }
}
