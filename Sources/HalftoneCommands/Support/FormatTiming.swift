import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// Matrices of random codes in several forms, to be timed in turns.
struct FormatTiming {
    private struct Item {
        let name: String
        let matrix: any WeightMatrix
        let product: MatrixProduct
        let kernel: String
    }

    private let items: [Item]
    private let rows: Int
    private let columns: Int

    /// Rows that are decoded in a round: enough to be timed.
    private static let decodedRows = 64

    init(forms: [String], rows: Int, columns: Int, pool: WorkerPool) throws {
        self.rows = rows
        self.columns = columns
        items = try forms.map { name in
            let form = try FormRecipe(name).form(rows: rows, columns: columns)
            let matrix = try Self.matrix(form, rows: rows, columns: columns)
            let digits = matrix.panels(on: pool).map(\.digits)
            return Item(
                name: name, matrix: matrix,
                product: MatrixProduct(matrix, activations: .int8, pool: pool),
                kernel: digits.map {
                    $0 == 0 ? "integers" : $0 == 1 ? "1 byte" : "\($0) bytes"
                } ?? "floats")
        }
    }

    /// A matrix of random codes and equal scales.
    static func matrix(
        _ form: MatrixForm, rows: Int, columns: Int
    ) throws -> any WeightMatrix {
        var generator = SeededGenerator(seed: 1)
        return try StoredMatrix(form: form, rows: rows, columns: columns) { part in
            if part.name == "blocks" {
                return Bytes([UInt8](repeating: 0x2A, count: part.byteCount))
            }
            guard part.name == "codes" else { return scales(part) }
            let finite = finiteCodes(form)
            return Bytes(count: part.byteCount) { span in
                for byte in 0..<part.byteCount {
                    span.storeBytes(
                        of: finite[Int(generator.next() >> 56)], toByteOffset: byte,
                        as: UInt8.self)
                }
            }
        }.matrix()
    }

    /// All bytes, those of 8-bit codes that are no finite numbers as code 0.
    private static func finiteCodes(_ form: MatrixForm) -> [UInt8] {
        let format: NumberFormat? =
            switch form {
            case .scaled(let format, _, _): format
            case .blocks(let layout): layout.element
            default: nil
            }
        return (0...UInt8.max).map { byte in
            guard let format, format.bits == 8 else { return byte }
            let isFinite =
                Int(byte) < format.values.count && format.value(of: byte).isFinite
            return isFinite ? byte : 0
        }
    }

    /// Scales of about a hundredth, and of 2^−7 or 256 where they are exponents or small floats.
    private static func scales(_ part: PartLayout) -> Bytes {
        let pattern: [UInt8] =
            switch part.type {
            case .float16: [0x1F, 0x21]
            case .bfloat16: [0x24, 0x3C]
            case .float32: [0x0A, 0xD7, 0x23, 0x3C]
            default: [0x78]
            }
        return Bytes((0..<part.byteCount).map { pattern[$0 % pattern.count] })
    }

    /// Medians of some rounds in which each has its turn; the first form is what others are
    /// compared with.
    func measure(rounds: Int) -> [FormatSpeed] {
        let clock = ContinuousClock()
        let input = Array(Tensor.normal([1, columns], seed: 2).elements)
        var output = [Float](repeating: 0, count: rows)
        var row = [Float](repeating: 0, count: columns)
        var products = items.map { _ in [Double]() }
        var decodes = products
        // The first round warms up.
        for round in 0...rounds {
            for (index, item) in items.enumerated() {
                var start = clock.now
                item.product(input, count: 1, into: &output)
                let product = (clock.now - start).seconds
                start = clock.now
                for number in 0..<min(Self.decodedRows, rows) {
                    item.matrix.decode(row: number, into: &row)
                }
                let decode = (clock.now - start).seconds
                guard round > 0 else { continue }
                products[index].append(product)
                decodes[index].append(decode)
            }
        }
        let base = products[0].median
        let baseBytes = Double(items[0].matrix.byteCount)
        return items.indices.map { index in
            let bytes = Double(items[index].matrix.byteCount)
            let seconds = products[index].median
            return FormatSpeed(
                name: items[index].name, bitsPerWeight: 8 * bytes / Double(rows * columns),
                kernel: items[index].kernel,
                decodedPerSecond: Double(min(Self.decodedRows, rows) * columns)
                    / max(decodes[index].median, 1e-9),
                secondsPerProduct: seconds, bytesPerSecond: bytes / seconds,
                timePerWeight: seconds / base, timePerByte: seconds / bytes / (base / baseBytes))
        }
    }
}
