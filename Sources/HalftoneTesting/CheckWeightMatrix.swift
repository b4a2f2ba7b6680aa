import HalftoneKernels
import HalftoneTensor

/// Holds a matrix's products to its decoded rows, and its parts to each other.
///
/// - Products with unit vectors (all of them up to 256 columns, else 256 spread evenly) give the
///   decoded elements. A format with an offset takes two terms, neither above twice the largest
///   magnitude `m` of the matrix, and rounds each of at most four operations by half a unit:
///   `4 · 2m · 2⁻²⁴ · 2` bounds the difference.
/// - A product with a dense random vector agrees with the sum in Double within `n + 32` roundings
///   of terms whose magnitudes sum to at most `4m · Σ|x|`.
/// - Decoding or multiplying some rows gives bit for bit what it gives for all of them.
/// - Gathering rows reorders both.
///
/// - Parameters:
///   - matrix: Its rows must use at least half of the range that their scales span; every matrix
///     that a quantizer made of random weights does.
///   - seed: Of the random vector.
/// - Returns: A sentence for each check that failed; a test expects none.
public func checkWeightMatrix(_ matrix: any WeightMatrix, seed: UInt64 = 1) -> [String] {
    let (rows, columns) = (matrix.rows, matrix.columns)
    let decoded = matrix.decoded()
    guard decoded.allSatisfy(\.isFinite) else { return ["decoded values are not all finite"] }
    let largest = Double(decoded.map(\.magnitude).max() ?? 0)
    var failures: [String] = []

    let step = max(1, columns / 256)
    for column in stride(from: 0, to: columns, by: step) {
        var unit = [Float](repeating: 0, count: columns)
        unit[column] = 1
        let expected = (0..<rows).map { Double(decoded[$0 * columns + column]) }
        failures += checkClose(
            matrix.products(with: unit), expected, within: 16 * largest * 0x1p-24,
            "\(matrix.formatName): products with unit vector \(column), \(rows) × \(columns)")
    }

    let input = Tensor.uniform([columns], seed: seed).elements.array
    let inputSum = input.reduce(0) { $0 + Double($1.magnitude) }
    let expected = (0..<rows).map { row in
        (0..<columns).reduce(0.0) { sum, column in
            sum + Double(decoded[row * columns + column]) * Double(input[column])
        }
    }
    let products = matrix.products(with: input)
    failures += checkClose(
        products, expected, within: Double(columns + 32) * 0x1p-24 * 4 * largest * inputSum,
        "\(matrix.formatName): products with a random vector, \(rows) × \(columns)")

    let some = rows / 3..<rows - rows / 4
    var row = [Float](repeating: 0, count: columns)
    for index in some {
        matrix.decode(row: index, into: &row)
        if row != Array(decoded[index * columns..<(index + 1) * columns]) {
            failures.append("\(matrix.formatName): row \(index) decodes differently on its own")
        }
    }
    if matrix.products(rows: some, with: input) != Array(products[some]) {
        failures.append("\(matrix.formatName): rows \(some) have other products on their own")
    }

    let order = Array((0..<rows).reversed()) + some
    let gathered = matrix.gatheringRows(order)
    let reordered = order.flatMap { decoded[$0 * columns..<($0 + 1) * columns] }
    if gathered.decoded() != reordered || gathered.rows != order.count {
        failures.append("\(matrix.formatName): gathered rows decode differently")
    }
    return failures
}
