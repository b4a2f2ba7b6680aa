import ArgumentParser
import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneReport
import HalftoneRuns

extension FormatsCommand {
    /// `halftone formats chart`.
    struct Chart: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "chart",
            abstract: "Draw error against bits for all formats, on a matrix of a model.",
            discussion: """
                Formats have a binary16 scale for each group, the best that a search finds; bits \
                count the scales. The line is the rate-distortion bound of independent normal \
                numbers of one variance, 6.02 dB per bit; a matrix whose rows or columns differ \
                in size can be above it, and so can weights that were quantized before, whose \
                levels another format may hit again.
                """)

        @Argument(help: ModelArgument.help)
        var model: String

        @Option(help: "The matrix, as `inspect --tensors` names it (default: a middle one).")
        var tensor: String?

        @Option(help: "Weights that share a scale.")
        var groupSize = 32

        @Option(name: .shortAndLong, help: "Where to write the SVG file.")
        var output: String?

        @OptionGroup var shared: SharedOptions

        mutating func validate() throws {
            guard (1...65_536).contains(groupSize) else {
                throw ValidationError("--group-size must be from 1 to 65536")
            }
        }

        func run() throws {
            let loaded = try ModelArgument.load(model, shared)
            let roles = loaded.spec.slots.filter { $0.shape.count == 2 }.map(\.role)
            let names = roles.map { "\($0)" }
            let place = tensor.map { names.firstIndex(of: $0) } ?? roles.count / 2
            guard let place, roles.indices.contains(place) else {
                throw CommandError(
                    "\(model) has no matrix \(tensor ?? ""); there are "
                        + names.prefix(20).joined(separator: ", ")
                        + (names.count > 20 ? " and others" : ""), .badInput)
            }
            let points = try FormatPoint.measure(
                loaded.weights.matrix(roles[place]), groupSize: groupSize, shared)
            if let output {
                let chart = FormatPoint.chart(points, tensor: names[place], groupSize: groupSize)
                try AtomicFile.write(chart, to: output)
                shared.note("wrote \(output)")
            }
            if shared.json { return try Console.json(points) }
            Console.result("\(names[place]) of \(model)\n\n" + FormatPoint.table(points))
        }
    }
}

/// A format on a matrix: its bits and its error.
struct FormatPoint: Encodable {
    let name: String
    let family: String
    let bitsPerWeight: Double
    let decibels: Double

    /// At most this many weights are measured, whole rows from the first on.
    private static let limit = 262_144

    static func measure(
        _ matrix: any WeightMatrix, groupSize: Int, _ shared: SharedOptions
    ) throws -> [Self] {
        let columns = matrix.columns
        let rows = min(matrix.rows, max(1, limit / max(columns, 1)))
        var values: [Float] = []
        var row = [Float](repeating: 0, count: columns)
        for index in 0..<rows {
            matrix.decode(row: index, into: &row)
            values += row
        }
        let signal = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let formats = NumberFormat.known.filter {
            $0.range.lowerBound < 0 && $0.range.upperBound > 0
        }
        let forms =
            FormRow.layouts.map {
                ($0.name, MatrixForm.blocks($0), "shared exponents, NVFP4")
            }
            + FormRow.structures(rows: rows, columns: columns).map {
                ($0.name, $0.form, "structures")
            }
        let types = BlockCodec.encodableTypes.filter {
            !$0.isPlain && columns.isMultiple(of: $0.blockSize)
        }
        let progress = shared.progress(
            "Measuring", total: formats.count + forms.count + types.count, unit: "formats")
        defer { progress.finish() }
        var points: [Self] = []
        for format in formats {
            let finder = ScaleFinder(format, scales: ScaleCodec(.float16))
            var error = 0.0
            var groups = 0
            for start in stride(from: 0, to: values.count, by: columns) {
                for first in stride(from: start, to: start + columns, by: groupSize) {
                    let group = values[first..<min(first + groupSize, start + columns)]
                    let choice = finder.choice(group, by: .leastError)
                    error += finder.squaredError(of: choice, group)
                    groups += 1
                }
            }
            let bits =
                min(Double(format.bits), RadixPacking(levels: format.values.count).bitsPerCode)
                + Double(16 * groups) / Double(values.count)
            points.append(
                Self(
                    name: "\(format)", family: family(of: format), bitsPerWeight: bits,
                    decibels: 10 * log10(signal / error)))
            progress.advance()
        }
        for (name, form, family) in forms {
            let stored = try StoredMatrix(values, rows: rows, columns: columns, form: form)
            points.append(
                Self(
                    name: name, family: family,
                    bitsPerWeight: try form.bitsPerWeight(rows: rows, columns: columns),
                    decibels: SignalToNoise.decibels(values, try stored.decoded())))
            progress.advance()
        }
        for type in types {
            var decoded: [Float] = []
            let bytes = try BlockCodec.encode(type, values, columns: columns)
            try BlockCodec.decode(type, Bytes(bytes), into: &decoded)
            points.append(
                Self(
                    name: type.name, family: "GGUF blocks", bitsPerWeight: type.bitsPerWeight,
                    decibels: SignalToNoise.decibels(values, decoded)))
            progress.advance()
        }
        return points.sorted { ($0.bitsPerWeight, $0.decibels) < ($1.bitsPerWeight, $1.decibels) }
    }

    private static func family(of format: NumberFormat) -> String {
        switch format.definition {
        case .integer: "integers"
        case .float: "floats"
        case .codebook: "codebooks"
        }
    }

    static func chart(_ points: [Self], tensor: String, groupSize: Int) -> String {
        let most = points.map(\.bitsPerWeight).max() ?? 8
        let bound = [0.0, most].map {
            ChartPoint(x: $0, y: 20 * log10(2) * $0)
        }
        let families = [
            "integers", "floats", "codebooks", "shared exponents, NVFP4", "GGUF blocks",
            "structures",
        ]
        let series = families.map { family in
            ChartSeries(
                family,
                points: points.filter { $0.family == family && $0.decibels.isFinite }.map {
                    ChartPoint(x: $0.bitsPerWeight, y: $0.decibels, label: $0.name)
                }, style: .points)
        }
        let chart = XYChart(
            "Error against bits: \(tensor)",
            note: "Scales counted: groups of \(groupSize), in structures 64; line: 6.02 dB per bit",
            x: Axis("bits per weight", includesZero: true),
            y: Axis("signal to noise, dB", includesZero: true),
            series: [ChartSeries("rate-distortion bound, normal", points: bound)] + series)
        return Figure.xy(chart).svg(width: 960)
    }

    static func table(_ points: [Self]) -> String {
        var table = TextTable(["format", "", "#bits/weight", "#dB", "#dB to the bound"])
        for point in points {
            let bound = 20 * log10(2) * point.bitsPerWeight
            table.add([
                point.name, point.family, Formatting.decimal(point.bitsPerWeight, 3),
                Formatting.decimal(point.decibels, 2),
                Formatting.decimal(point.decibels - bound, 2),
            ])
        }
        return table.text
    }
}
