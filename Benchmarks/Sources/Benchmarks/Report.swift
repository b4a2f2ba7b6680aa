import Foundation

/// A table for people, aligned in columns.
func table(_ measurements: [Measurement]) -> String {
    var rows = [["benchmark", "time", "× baseline", "allocations", "stored bytes"]]
    for measurement in measurements {
        rows.append([
            measurement.name, timeText(measurement.nanoseconds),
            String(format: "%.2f", measurement.ratio),
            measurement.allocations.map(String.init) ?? "–",
            measurement.storedBytes.map(String.init) ?? "–",
        ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
        row.indices.map { column in
            let padding = String(repeating: " ", count: widths[column] - row[column].count)
            return column == 0 ? row[column] + padding : padding + row[column]
        }.joined(separator: "  ")
    }
    return lines.joined(separator: "\n")
}

/// The measurements as JSON, one list.
func json(_ measurements: [Measurement]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(measurements), as: UTF8.self)
}

private func timeText(_ nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1e3: String(format: "%.0f ns", nanoseconds)
    case ..<1e6: String(format: "%.1f µs", nanoseconds / 1e3)
    default: String(format: "%.2f ms", nanoseconds / 1e6)
    }
}
