import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

/// A matrix as two planes of bits with two scales for each group along its rows; see ``DBLLM``.
///
/// The scales of a group differ in sign and the second is smaller, so that its levels are in order:
/// `a₂, 0, a₁ + a₂, a₁`, or all of them turned over.
public struct DualBinaryPlanes: Sendable, Equatable {
    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Weights along a row that share two scales; the last group of a row may be shorter.
    public let groupSize: Int

    /// `a₁` of each group, row after row.
    public private(set) var first: [Float]

    /// `a₂` of each group.
    public private(set) var second: [Float]

    /// `b₁ + 2·b₂` of each weight.
    public private(set) var codes: [UInt8]

    /// Takes the level nearest to each weight.
    ///
    /// - Parameters:
    ///   - weights: `[rows, columns]`, finite.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - groupSize: At least 1.
    ///   - first: `a₁` of each group.
    ///   - second: `a₂` of each group, of the other sign and smaller; both are 0 where all is 0.
    public init(
        rounding weights: [Float], rows: Int, columns: Int, groupSize: Int, first: [Float],
        second: [Float]
    ) {
        precondition(groupSize >= 1 && weights.count == rows * columns, "[rows, columns]")
        let groups = (columns + groupSize - 1) / groupSize
        precondition(first.count == rows * groups && second.count == first.count, "two a group")
        precondition(zip(first, second).allSatisfy(Self.areInOrder), "scales are in order")
        self.rows = rows
        self.columns = columns
        self.groupSize = groupSize
        self.first = first
        self.second = second
        codes = [UInt8](repeating: 0, count: weights.count)
        round(weights)
    }

    /// Whether the levels of two scales are in order.
    public static func areInOrder(_ first: Float, _ second: Float) -> Bool {
        first == 0 && second == 0
            || first.isFinite && first * second < 0 && second.magnitude < first.magnitude
    }

    /// Takes the level nearest to each weight anew, for the scales as they are.
    ///
    /// `b₁ = H(w − (a₁ + a₂)/2)` and `b₂ = H(−(w − a₁·b₁ − a₂/2))`, with `H` 1 from 0 on.
    public mutating func round(_ weights: [Float]) {
        precondition(weights.count == codes.count, "as many weights as codes")
        let perRow = (columns + groupSize - 1) / groupSize
        for row in 0..<rows {
            for part in 0..<perRow {
                let group = row * perRow + part
                let sign: Float = first[group] < 0 ? -1 : 1
                let (one, two) = (sign * first[group], sign * second[group])
                let (upper, lower) = ((one + two) / 2, two / 2)
                let start = row * columns + part * groupSize
                for place in start..<min(start + groupSize, (row + 1) * columns) {
                    let weight = sign * weights[place]
                    let isHigh = weight >= upper
                    let rest = isHigh ? weight - one : weight
                    codes[place] = (isHigh ? 1 : 0) | (rest <= lower ? 2 : 0)
                }
            }
        }
    }

    /// The values, `[rows, columns]`.
    public var values: [Float] {
        let perRow = (columns + groupSize - 1) / groupSize
        var result = [Float](repeating: 0, count: codes.count)
        for row in 0..<rows {
            for part in 0..<perRow {
                let group = row * perRow + part
                let start = row * columns + part * groupSize
                for place in start..<min(start + groupSize, (row + 1) * columns) {
                    let code = codes[place]
                    result[place] =
                        (code & 1 != 0 ? first[group] : 0) + (code & 2 != 0 ? second[group] : 0)
                }
            }
        }
        return result
    }

    /// The shares of zeros in the two planes.
    public var zeroShares: (first: Double, second: Double) {
        let count = Double(max(codes.count, 1))
        return (
            Double(codes.count { $0 & 1 == 0 }) / count, Double(codes.count { $0 & 2 == 0 }) / count
        )
    }
}

extension DualBinaryPlanes {
    /// The planes and scales that a stored matrix holds.
    ///
    /// - Throws: `QuantizationError.badForm` for a matrix in another form, or with levels out of
    ///   order.
    public init(_ stored: StoredMatrix) throws(QuantizationError) {
        guard case .dualBinary(.group(let size)) = stored.form else {
            throw .badForm("\(stored.form) is no pair of planes with groups along the rows")
        }
        let scales = try stored.floats(ofPart: "scales")
        let pairs = stride(from: 0, to: scales.count, by: 2).map { (scales[$0], scales[$0 + 1]) }
        guard pairs.allSatisfy(Self.areInOrder) else {
            throw .badForm("two planes whose levels are not in order")
        }
        self.init(
            rounding: try stored.decoded(), rows: stored.rows, columns: stored.columns,
            groupSize: size, first: pairs.map(\.0), second: pairs.map(\.1))
    }

    /// The matrix as it is stored: two bits a weight and two 16-bit scales a group.
    public func stored() throws(QuantizationError) -> StoredMatrix {
        let scales = zip(first, second).flatMap { [$0, $1] }
        return try StoredMatrix(
            form: .dualBinary(.group(groupSize)), rows: rows, columns: columns
        ) { part in
            part.name == "codes" ? .codes(codes, values: 4) : .floats(scales)
        }
    }

    /// Takes the scales of a stored matrix, rounded to what is stored, in groups where they are in
    /// order.
    mutating func adopt(
        scalesOf stored: StoredMatrix, rounding weights: [Float]
    ) throws(QuantizationError) {
        let scales = try stored.floats(ofPart: "scales")
        for group in first.indices {
            let (one, two) = (scales[2 * group], scales[2 * group + 1])
            if Self.areInOrder(one, two) { (first[group], second[group]) = (one, two) }
        }
        round(weights)
    }

    /// Sets scales, as 16 bits keep them, in groups where they are in order then.
    ///
    /// - Returns: Whether they are in all groups.
    @discardableResult
    mutating func setScales(_ first: [Float], _ second: [Float]) -> Bool {
        precondition(first.count == self.first.count && second.count == first.count)
        let codec = ScaleCodec(.float16)
        var isWhole = true
        for group in first.indices {
            let (one, two) = (codec.nearest(first[group]), codec.nearest(second[group]))
            if Self.areInOrder(one, two) {
                (self.first[group], self.second[group]) = (one, two)
            } else {
                isWhole = false
            }
        }
        return isWhole
    }

    /// A row as a matrix of its own.
    func row(_ row: Int) -> Self {
        let perRow = (columns + groupSize - 1) / groupSize
        var copy = Self(
            rounding: [Float](repeating: 0, count: columns), rows: 1, columns: columns,
            groupSize: groupSize, first: Array(first[row * perRow..<(row + 1) * perRow]),
            second: Array(second[row * perRow..<(row + 1) * perRow]))
        copy.codes = Array(codes[row * columns..<(row + 1) * columns])
        return copy
    }

    /// Puts a matrix of one row in the place of a row.
    mutating func setRow(_ row: Int, to other: Self) {
        let perRow = (columns + groupSize - 1) / groupSize
        first.replaceSubrange(row * perRow..<(row + 1) * perRow, with: other.first)
        second.replaceSubrange(row * perRow..<(row + 1) * perRow, with: other.second)
        codes.replaceSubrange(row * columns..<(row + 1) * columns, with: other.codes)
    }
}
