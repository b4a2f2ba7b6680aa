import ArgumentParser
import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// `halftone formats`: which number formats there are, and what they are good for.
struct FormatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "formats",
        abstract: "List number formats with their range, error and speed; show or compare them.",
        subcommands: [List.self, Show.self, Chart.self, Speed.self], defaultSubcommand: List.self)

    /// `halftone formats list`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List number formats with their range, error and speed.",
            discussion: """
                Errors are signal-to-noise ratios in decibels on a normal and on a heavy-tailed \
                source (Student's t, 4 degrees of freedom) of variance 1; no code of b bits is \
                above 6.02 · b on the normal one. For formats they are exact, at the scale with \
                the least error; for all else they are measured on 65536 seeded numbers, scales \
                found by least squares. Decoding \
                is timed on one thread by the kernels of the run time; structures around other forms by \
                their definition in plain loops. Structures: \
                {±1, ±i}; two planes of bits with a scale each (dual binary); stacks of planes for \
                what is left; 256 pairs of a fitted codebook; int4 for one half of the columns, \
                int2 for the other; 1 % of the columns or elements in 16 bits beside int3; a \
                product of rank 8 beside int3; NF4 with doubly quantized scales. Groups have 64.
                """)

        @OptionGroup var shared: SharedOptions

        func run() throws {
            let formats = try NumberFormat.known.map(FormatRow.init)
            let blocks = try BlockRow.all()
            let (layouts, structures) = try FormRow.all()
            if shared.json {
                return try Console.json(
                    FormatsReport(
                        formats: formats, blocks: blocks, layouts: layouts, structures: structures))
            }
            let tables = [
                FormatRow.table(formats), FormRow.table(layouts, title: "layout"),
                BlockRow.table(blocks), FormRow.table(structures, title: "structure"),
            ]
            Console.result(tables.joined(separator: "\n\n"))
        }
    }

    /// `halftone formats show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show every code of a number format.")

        @Argument(
            help: ArgumentHelp(
                "A name such as int4, uint3, ternary, e4m3, e3m2b7.5, ue5m3, shift4, nf4."))
        var format: String

        @OptionGroup var shared: SharedOptions

        func run() throws {
            guard let found = NumberFormat(named: format) else {
                throw ValidationError(
                    "no number format is called \"\(format)\"; there are, among others, "
                        + NumberFormat.known.map(\.description).joined(separator: ", "))
            }
            if shared.json { return try Console.json(FormatCodes(found)) }
            Console.result(FormatPicture(found).text)
        }
    }
}

/// What `formats --json` prints.
private struct FormatsReport: Encodable {
    let formats: [FormatRow]
    let blocks: [BlockRow]
    let layouts: [FormRow]
    let structures: [FormRow]
}

/// What `formats show --json` prints.
struct FormatCodes: Encodable {
    struct Code: Encodable {
        let code: Int
        let value: Float
    }

    let name: String
    let bits: Int
    let codes: [Code]

    init(_ format: NumberFormat) {
        name = "\(format)"
        bits = format.bits
        codes = format.values.enumerated().map { Code(code: $0.offset, value: $0.element) }
    }
}
