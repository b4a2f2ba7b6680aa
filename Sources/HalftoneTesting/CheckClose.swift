/// Compares two runs of numbers element by element.
///
/// - Parameters:
///   - found: What was computed.
///   - expected: What it should be, of the same length.
///   - bounds: The largest allowed distance of each element, of the same length.
///   - subject: What the numbers are, for the message.
/// - Returns: Nothing when all is well, else a sentence about the length or about the worst
///   element; a test expects the result to be empty.
public func checkClose(
    _ found: [Float], _ expected: [Double], within bounds: [Double], _ subject: String = "values"
) -> [String] {
    guard found.count == expected.count, found.count == bounds.count else {
        return [
            "\(subject): \(found.count) found, \(expected.count) expected, \(bounds.count) bounds"
        ]
    }
    var worst: (index: Int, ratio: Double)?
    var failures = 0
    for index in found.indices {
        let distance = abs(Double(found[index]) - expected[index])
        // Written so that a NaN fails.
        if distance <= bounds[index] { continue }
        failures += 1
        let ratio = distance.isFinite ? distance / bounds[index] : .infinity
        if ratio > worst?.ratio ?? -1 { worst = (index, ratio) }
    }
    guard let worst else { return [] }
    return [
        """
        \(subject): \(failures) of \(found.count) are out of bounds; the worst is element \
        \(worst.index): \(found[worst.index]), expected \(expected[worst.index]) ± \
        \(bounds[worst.index])
        """
    ]
}

/// Compares two runs of numbers with one bound for all.
public func checkClose(
    _ found: [Float], _ expected: [Double], within bound: Double, _ subject: String = "values"
) -> [String] {
    checkClose(
        found, expected, within: [Double](repeating: bound, count: expected.count), subject)
}
