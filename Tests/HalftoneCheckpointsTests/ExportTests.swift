import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

/// What is written, read back and measured.
struct ExportTests {
    /// A matrix of all codes with scales that float16 holds.
    private func module(
        bits: Int, symmetric: Bool, group: Granularity = .group(16), rows: Int = 32,
        columns: Int = 64, levels: Int? = nil
    ) throws -> ExportLayout.Module {
        let format =
            levels.map { IntegerFormat(levels: $0, symmetric: symmetric) }
            ?? IntegerFormat(bits: bits, symmetric: symmetric)
        let codes = (0..<rows * columns).map { UInt8(($0 * 29 + $0 / 64) % format.levels) }
        let groups = rows * group.groupsPerRow(inFeatures: columns)
        let scales = (0..<groups).map { Float($0 % 7 + 1) / 64 }
        let zeros = (0..<groups).map { Float(1 + ($0 * 5) % format.maximumCode) }
        return ExportLayout.Module(
            name: "m",
            matrix: try UniformMatrix(
                format: format, granularity: group, rows: rows, columns: columns,
                codes: Bytes(
                    PackedCodes.pack(
                        codes: codes, rows: rows, columns: columns, bits: format.bits)),
                scales: scales, zeroPoints: symmetric ? nil : zeros, byteCount: 0),
            scaleType: .float16)
    }

    private func written(
        _ layout: ExportLayout, _ module: ExportLayout.Module
    ) throws -> SafetensorsFile {
        var writer = SafetensorsWriter()
        for source in layout.tensors(module) { try writer.add(source) }
        let path = NSTemporaryDirectory() + "halftone-export-" + UUID().uuidString + ".safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try writer.write(to: path)
        return try SafetensorsFile(contentsOf: path)
    }

    private func checkRoundTrip(_ layout: ExportLayout, _ module: ExportLayout.Module) throws {
        try layout.check(module)
        let file = try written(layout, module)
        #expect(file.tensorByteCount == layout.byteCount(module))
        let settings = try layout.configuration([module], ignored: ["lm_head"])
        let read = try #require(
            try PackedCheckpoints.open(.init(configuration: ["quantization_config": settings])))
        let matrix = try #require(try read.matrix(of: module.name, in: file))
        #expect(matrix.decoded() == module.matrix.decoded())
        #expect(matrix.byteCount == file.tensorByteCount)
        #expect(matrix is UniformMatrix)
    }

    @Test(arguments: 2...8, [true, false])
    func compressedTensorsComeBack(bits: Int, symmetric: Bool) throws {
        try checkRoundTrip(.compressedTensors, module(bits: bits, symmetric: symmetric))
        // Rows and columns that end within a word.
        try checkRoundTrip(
            .compressedTensors,
            module(bits: bits, symmetric: symmetric, group: .channel, rows: 13, columns: 21))
    }

    @Test func oneBitWithZeroPointsComesBack() throws {
        try checkRoundTrip(.compressedTensors, module(bits: 1, symmetric: false))
    }

    /// Fewer levels than patterns have their zero elsewhere, and move to the middle of all.
    @Test(arguments: [3, 5, 6, 7, 15, 255])
    func narrowRangesComeBack(levels: Int) throws {
        let narrow = try module(bits: 0, symmetric: true, levels: levels)
        try checkRoundTrip(.compressedTensors, narrow)
        if [2, 3, 4, 8].contains(narrow.matrix.format.bits) { try checkRoundTrip(.gptq, narrow) }
    }

    @Test(arguments: [2, 3, 4, 8], [true, false])
    func gptqComesBack(bits: Int, symmetric: Bool) throws {
        for layout in [ExportLayout.gptq, .gptq2] {
            try checkRoundTrip(layout, module(bits: bits, symmetric: symmetric))
            try checkRoundTrip(
                layout, module(bits: bits, symmetric: symmetric, group: .channel, rows: 64))
        }
    }

    @Test func whatALayoutCannotHoldIsRefused() throws {
        func reason(_ layout: ExportLayout, _ module: ExportLayout.Module) throws -> String {
            do {
                try layout.check(module)
            } catch { return error.description }
            Issue.record("it was accepted")
            return ""
        }
        let tensor = try module(bits: 4, symmetric: true, group: .tensor)
        #expect(try reason(.compressedTensors, tensor).contains("one scale for the tensor"))
        let ragged = try module(bits: 4, symmetric: true, group: .group(24))
        #expect(try reason(.gptq, ragged).contains("groups of 24 do not fill 64 inputs"))
        #expect(
            try reason(.gptq, module(bits: 5, symmetric: true)).contains("2, 3, 4 and 8 are"))
        #expect(
            try reason(.gptq2, module(bits: 4, symmetric: true, rows: 40))
                .contains("multiples of 32"))
        #expect(
            try reason(.compressedTensors, module(bits: 1, symmetric: true)).contains("two levels"))
        var float8 = try module(bits: 4, symmetric: true)
        float8.scaleType = .float8E4M3
        #expect(try reason(.gptq, float8).contains("F8_E4M3"))
        let zero = try module(bits: 4, symmetric: false)
        var zeros = try #require(zero.matrix.zeroPoints)
        zeros[5] = 0
        let matrix = zero.matrix
        let withZero = ExportLayout.Module(
            name: "m",
            matrix: try UniformMatrix(
                format: matrix.format, granularity: matrix.granularity, rows: matrix.rows,
                columns: matrix.columns, codes: matrix.codes, scales: matrix.scales,
                zeroPoints: zeros, byteCount: 0), scaleType: .float16)
        #expect(try reason(.gptq, withZero).contains("gptq-v2 can"))
        try checkRoundTrip(.gptq2, withZero)
    }

    @Test func gptqHasOneSchemeForAll() throws {
        let modules = try [module(bits: 4, symmetric: true), module(bits: 8, symmetric: true)]
        #expect(throws: CheckpointError.self) {
            try ExportLayout.gptq.configuration(modules, ignored: [])
        }
    }

    /// Modules of two schemes are found again by their names.
    @Test func compressedTensorsMixSchemes() throws {
        var first = try module(bits: 4, symmetric: true)
        var second = try module(bits: 8, symmetric: false)
        first.name = "model.layers.0.mlp.up_proj"
        second.name = "model.layers.0.mlp.down_proj"
        let layout = ExportLayout.compressedTensors
        let settings = try layout.configuration([first, second], ignored: [])
        let read = try #require(
            try PackedCheckpoints.open(.init(configuration: ["quantization_config": settings])))
        for module in [first, second] {
            let matrix = try read.matrix(of: module.name, in: written(layout, module))
            #expect(matrix?.decoded() == module.matrix.decoded())
        }
    }
}
