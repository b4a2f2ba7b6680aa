import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// A number format in the table of `halftone formats`.
struct FormatRow: Encodable {
    let name: String
    let bits: Int
    let levels: Int
    let bitsPacked: Double
    let least: Float
    let largest: Float
    let smallestPositive: Float
    let normal: Double?
    let heavyTailed: Double?
    let decodedPerSecond: Double

    init(_ format: NumberFormat) throws {
        name = "\(format)"
        bits = format.bits
        levels = format.levels.count
        bitsPacked = min(
            Double(format.bits), RadixPacking(levels: format.values.count).bitsPerCode)
        least = format.range.lowerBound
        largest = format.range.upperBound
        smallestPositive = format.levels.first { $0 > 0 } ?? 0
        normal = NumberSource.normal.bestScale(of: format).map { -10 * log10($0.squaredError) }
        heavyTailed = NumberSource.heavyTailed.bestScale(of: format)
            .map { -10 * log10($0.squaredError) }
        decodedPerSecond = Self.decodedPerSecond(
            try FormatTiming.matrix(
                .scaled(format, .channel, .plain(.float32)), rows: 64, columns: 1024))
    }

    /// Weights that the run time decodes in a second, on one thread.
    static func decodedPerSecond(_ matrix: any WeightMatrix) -> Double {
        var row = [Float](repeating: 0, count: matrix.columns)
        return Timing.perSecond(matrix.rows * matrix.columns) {
            for number in 0..<matrix.rows { matrix.decode(row: number, into: &row) }
            return row[matrix.columns / 3]
        }
    }

    static func table(_ rows: [Self]) -> String {
        var table = TextTable([
            "format", "#bits", "#packed", "#levels", "#least", "#smallest > 0", "#largest",
            "#normal dB", "#heavy dB", "#decode M/s",
        ])
        for row in rows {
            table.add([
                row.name, "\(row.bits)", Formatting.decimal(row.bitsPacked, 2), "\(row.levels)",
                FormatPicture.number(row.least), FormatPicture.number(row.smallestPositive),
                FormatPicture.number(row.largest),
                row.normal.map { Formatting.decimal($0, 2) } ?? "–",
                row.heavyTailed.map { Formatting.decimal($0, 2) } ?? "–",
                Formatting.decimal(row.decodedPerSecond / 1e6, 0),
            ])
        }
        return table.text
    }
}

/// A block type in the table of `halftone formats`.
struct BlockRow: Encodable {
    let name: String
    let elements: Int
    let bytes: Int
    let bitsPerWeight: Double
    let normal: Double?
    let heavyTailed: Double?
    let decodedPerSecond: Double

    /// The block types that hold weights; without errors where there is no encoder.
    static func all() throws -> [Self] {
        var generator = SeededGenerator(seed: 1)
        func draw(_ source: NumberSource) -> [Float] {
            (0..<65536).map { _ in
                Float(source.quantile(Double.random(in: 0x1p-53..<1, using: &generator)))
            }
        }
        let normal = draw(.normal)
        let heavy = draw(.heavyTailed)
        return try BlockType.allCases
            .filter { !$0.isPlain && $0 != .q8_1 && $0 != .q8_K }
            .sorted { ($0.bitsPerWeight, $0.rawValue) < ($1.bitsPerWeight, $1.rawValue) }
            .map { type in
                let canEncode = BlockCodec.encodableTypes.contains(type)
                func ratio(_ values: [Float]) throws -> Double? {
                    guard canEncode else { return nil }
                    let bytes = try BlockCodec.encode(type, values, columns: 1024)
                    var decoded: [Float] = []
                    try BlockCodec.decode(type, Bytes(bytes), into: &decoded)
                    return SignalToNoise.decibels(values, decoded)
                }
                let count = 65536
                let bytes = Bytes(
                    [UInt8](repeating: 0x2A, count: count / type.blockSize * type.bytesPerBlock))
                var decoded: [Float] = []
                decoded.reserveCapacity(count)
                let speed = try Timing.perSecond(count) {
                    decoded.removeAll(keepingCapacity: true)
                    try BlockCodec.decode(type, bytes, into: &decoded)
                    return decoded[count / 3]
                }
                return Self(
                    name: type.name, elements: type.blockSize, bytes: type.bytesPerBlock,
                    bitsPerWeight: type.bitsPerWeight, normal: try ratio(normal),
                    heavyTailed: try ratio(heavy), decodedPerSecond: speed)
            }
    }

    static func table(_ rows: [Self]) -> String {
        var table = TextTable([
            "block", "#weights", "#bytes", "#bits/weight", "#normal dB", "#heavy dB",
            "#decode M/s",
        ])
        for row in rows {
            table.add([
                row.name, "\(row.elements)", "\(row.bytes)",
                Formatting.decimal(row.bitsPerWeight, 2),
                row.normal.map { Formatting.decimal($0, 2) } ?? "–",
                row.heavyTailed.map { Formatting.decimal($0, 2) } ?? "–",
                Formatting.decimal(row.decodedPerSecond / 1e6, 0),
            ])
        }
        return table.text
    }
}

/// Short measurements.
enum Timing {
    /// How many of some items are done in a second: the median of some runs after a first one.
    ///
    /// - Parameters:
    ///   - count: Items in a run.
    ///   - runs: How often it is measured.
    ///   - body: Does a run; returns something that depends on it.
    static func perSecond(
        _ count: Int, runs: Int = 9, _ body: () throws -> Float
    ) rethrows -> Double {
        var sum = try body()
        let clock = ContinuousClock()
        var seconds: [Double] = []
        for _ in 0..<runs {
            let start = clock.now
            sum += try body()
            let parts = (clock.now - start).components
            seconds.append(Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
        }
        // Keeps the results of the runs in use.
        withExtendedLifetime(sum) {}
        return Double(count) / max(seconds.sorted()[runs / 2], 1e-9)
    }
}
