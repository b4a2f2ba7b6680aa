import ArgumentParser
import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

extension FormatsCommand {
    /// `halftone formats speed`.
    struct Speed: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "speed",
            abstract: "Time decoding and matrix × vector of every format against int4.",
            discussion: """
                A matrix of random codes is multiplied with a vector, the formats in turns, as \
                often as --rounds says; the median of each is shown. Vectors are rounded to bytes \
                where a format has products of integers (kernel: integers, or the bytes of what a \
                code is looked up as), and stay float elsewhere. Bytes are those of the file. \
                Ratios are to int4 g32 f16 of the same run. Decoding is by the run time's kernels, \
                on one thread.
                """)

        @Option(help: "Rows of the matrix.")
        var rows = 4096

        @Option(help: "Columns of the matrix, a multiple of 256.")
        var columns = 4096

        @Option(help: "How often each is timed.")
        var rounds = 15

        @Option(
            help: ArgumentHelp(
                "A form to time instead of all, as `halftone compress --format` takes it.",
                valueName: "form"))
        var form: [String] = []

        @OptionGroup var shared: SharedOptions

        mutating func validate() throws {
            guard (1...1 << 16).contains(rows), (256...1 << 16).contains(columns),
                columns.isMultiple(of: 256), (1...1000).contains(rounds)
            else {
                throw ValidationError(
                    "--rows is from 1, --columns a multiple of 256, --rounds from 1 to 1000")
            }
        }

        func run() throws {
            let names = form.isEmpty ? Self.all : form
            let timing = try FormatTiming(
                forms: ["int4/32"] + names.filter { $0 != "int4/32" }, rows: rows, columns: columns,
                pool: shared.pool)
            let rows = timing.measure(rounds: rounds)
            if shared.json { return try Console.json(rows) }
            Console.result(FormatSpeed.table(rows))
        }

        /// Integers, floats and codebooks with a scale for 32, block layouts, and GGUF types.
        static let all: [String] =
            ["binary", "ternary", "int2", "int3", "int5", "int6", "int8", "uint4", "nf2", "nf3"]
            .map { "\($0)/32" }
            + ["binary/256", "ternary/256", "nf4/64", "fp4/64", "shift4/32", "e2m1/32", "e2m2/32"]
            + ["e2m3/32", "e3m2/32", "e3m4/32", "e4m3/32", "e5m2/32", "ue5m3/32"]
            + FormRow.layouts.map(\.name)
            + BlockType.allCases.filter { !$0.isPlain && $0 != .q8_1 && $0 != .q8_K }.map(\.name)
    }
}

/// A format in the table of `halftone formats speed`.
struct FormatSpeed: Encodable {
    let name: String
    let bitsPerWeight: Double
    let kernel: String
    let decodedPerSecond: Double
    let secondsPerProduct: Double
    let bytesPerSecond: Double
    let timePerWeight: Double
    let timePerByte: Double

    static func table(_ rows: [Self]) -> String {
        var table = TextTable([
            "format", "#bits/weight", "kernel", "#decode M/s", "#product µs", "#GB/s",
            "#time/weight", "#time/byte",
        ])
        for row in rows {
            table.add([
                row.name, Formatting.decimal(row.bitsPerWeight, 3), row.kernel,
                Formatting.decimal(row.decodedPerSecond / 1e6, 0),
                Formatting.decimal(row.secondsPerProduct * 1e6, 1),
                Formatting.decimal(row.bytesPerSecond / 1e9, 2),
                Formatting.decimal(row.timePerWeight, 2), Formatting.decimal(row.timePerByte, 2),
            ])
        }
        return table.text
    }
}
