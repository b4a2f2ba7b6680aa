import Foundation
import HalftoneFormats
import HalftoneKernels
import Testing

@Suite struct BlockCodecTests {
    static let fixture = testsFolder.appendingPathComponent("Fixtures/Blocks/blocks.bin")

    /// What the reference decoder gives for blocks of bytes `7i + 3` with d = 1/16, m = 1/32.
    struct Vector: Sendable, CustomTestStringConvertible {
        var type: BlockType
        var first: [Float]
        var middle: Float
        var last: Float
        var sum: Double
        var weightedSum: Double
        var testDescription: String { type.name }

        init(
            _ type: BlockType, _ first: [Float], _ middle: Float, _ last: Float, _ sum: Double,
            _ weightedSum: Double
        ) {
            self.type = type
            self.first = first
            self.middle = middle
            self.last = last
            self.sum = sum
            self.weightedSum = weightedSum
        }
    }

    static let vectors: [Vector] = [
        .init(.q4_0, [-0.4375, 0, 0.4375, -0.125], -0.4375, -0.0625, -4.625, -90.6875),
        .init(.q4_1, [0.96875, 0.40625, 0.84375, 0.28125], 0.09375, 0.53125, 13.25, 187.75),
        .init(.q5_0, [0.8125, -0.75, -0.3125, -0.875], 0.125, -0.4375, -6.875, -100.5625),
        .init(.q5_1, [1.71875, 1.15625, 1.59375, 1.03125], 1.21875, 0.65625, 30, 435.375),
        .init(.q8_0, [1.0625, 1.5, 1.9375, 2.375], -7.9375, -1.375, -5, -932),
        .init(.q2_K, [0.5625, 0.375, 0.1875, 0], 1.96875, -0.1875, 161.75, 20522.1875),
        .init(.q3_K, [3.5625, -2.375, 1.1875, -4.75], 0.375, 3.625, -132, -27269.0625),
        .init(.q4_K, [3.96875, 17.53125, 0.09375, 13.65625], 1.15625, 9.8125, 3022, 280019),
        .init(.q5_K, [34.96875, 17.53125, 31.09375, 13.65625], 8.15625, 8.3125, 6312, 590086),
        .init(.q6_K, [79.5625, 41.875, -62.8125, -100.5], 146.0625, 131.25, -1944, -240912.5),
        .init(.iq4_NL, [-6.5, 0.0625, 7.0625, -1.375], -6.5, -0.625, -60.5625, -1176.25),
        .init(
            .iq4_XS, [-2.375, 5.1875, -0.8125, 7.9375], -45.125, -68.875, 264.1875, 161288.4375),
        .init(
            .tq1_0, [-0.0625, -0.0625, -0.0625, -0.0625], 0.0625, 0.0625, -1.0625, -62.1875),
        .init(.tq2_0, [0.125, 0.0625, 0, -0.0625], 0.125, 0.0625, 7.25, 971.625),
        .init(.mxfp4, [-0.125, 0.0625, 0, -0.75], 0, 0.75, 4.1875, 117.3125),
        .init(.nvfp4, [-3, 2, -1.5, 1], -12, -24, -93.75, -6606.75),
        .init(
            .iq2_XXS, [-0.5625, 0.5625, -0.5625, -3.0234375], -0.9765625, 4.8828125, -10.25,
            -2907.0078125),
        .init(
            .iq2_XS, [0.1875, 0.1875, -0.5859375, -0.5859375], 1.6875, 0.0625, -92.2578125,
            -9841.46875),
        .init(
            .iq2_S, [-1.1875, 1.1875, 1.1875, 3.7109375], -0.6875, -0.4375, 26.765625, 23.140625),
        .init(
            .iq3_XXS, [-19.9375, 9.0625, 5.4375, 1.8125], -8.9375, 14.4375, -127.875, 323.375),
        .init(
            .iq3_S, [-13.0625, 13.0625, 15.4375, -5.9375], -2.8125, -9.6875, 8.5, -30900.25),
        .init(
            .iq1_S, [-0.1171875, -0.1171875, -1.0546875, -0.1171875], 0.4921875, 0.7734375, -3.625,
            1240.4375),
    ]

    @Test(arguments: vectors, [KernelForm.best, .portable])
    func decodesThePublishedVectors(vector: Vector, form: KernelForm) throws {
        let type = vector.type
        var block = (0..<type.bytesPerBlock).map { UInt8(truncatingIfNeeded: 7 * $0 + 3) }
        let (scales, offsets) = scaleOffsets(type)
        for offset in scales { block.replaceSubrange(offset..<offset + 2, with: [0x00, 0x2C]) }
        for offset in offsets { block.replaceSubrange(offset..<offset + 2, with: [0x00, 0x28]) }
        if type == .mxfp4 { block[0] = 124 }
        if type == .nvfp4 { block.replaceSubrange(0..<4, with: [0x30, 0x38, 0x40, 0x48]) }
        var x: [Float] = []
        try BlockCodec.decode(type, Bytes(block), into: &x, form: form)
        try #require(x.count == type.blockSize)
        #expect(Array(x[..<4]) == vector.first)
        #expect(x[x.count / 2] == vector.middle && x[x.count - 1] == vector.last)
        #expect(x.map(Double.init).reduce(0, +) == vector.sum)
        let weighted = x.enumerated().map { Double($0.offset) * Double($0.element) }
        #expect(weighted.reduce(0, +) == vector.weightedSum)
    }

    @Test(arguments: [
        (BlockType.q4_0, "0034730c953fc851ea841da63fd962fb842e"),
        (.q4_1, "113400c0730c952ec851ea731da63fc862fb841d"),
        (.q5_0, "00305aad546ae6083b5d80a2d5f72a4c7f91c4e6193b"),
        (.q5_1, "df2f00c05aad546ae6083b5d80a2d5f72a4c7f91c4e6193b"),
        (.q8_0, "0824ad40d467fc9124b94be073089d30c457ec8114a93cd063f88d20b547dc6f0499"),
        (.mxfp4, "7e9de41bd540bd520ce42ac640ad530cd5"),
        (
            .tq1_0,
            "20c0a0e0a0206020e0a0e0602060a0e0a020602060a0e0a0206020e0a0e060209330ba86ba932d9386ba"
                + "862d932dba86bb92269b0040"
        ),
        (
            .tq2_0,
            "442299669944114466996611441199669944114411996699441144669966114444229966994411446699"
                + "661144119966994411441199669944114466996611440040"
        ),
    ])
    func encodesThePublishedVectors(type: BlockType, wanted: String) throws {
        let x = (0..<type.blockSize).map { (index: Int) -> Float in
            Float((37 * index + 11) % 64 - 32) / 16
        }
        let bytes = try BlockCodec.encode(type, x, columns: type.blockSize)
        #expect(bytes.map { String(format: "%02x", $0) }.joined() == wanted)
    }

    @Test func agreesWithStoredBlocksOfTheReference() throws {
        let records = try BlockRecord.read(Self.fixture)
        #expect(records.count == 36)
        try check(records)
        // All types but those that the package does not know, and the plain numbers.
        let missing = weightTypes.filter { type in !records.contains { $0.type == type } }
        #expect(missing == [.i8, .i16, .i32, .i64, .f64, .q1_0, .q2_0])
    }

    @Test(
        .enabled(
            if: runPython(["-c", "import gguf.quants"]),
            "needs a Python with the package gguf; HALFTONE_PYTHON names one"))
    func agreesWithFreshBlocksOfTheReference() throws {
        let seed = UInt32.random(in: 0 ... .max)
        let folder = FileManager.default.temporaryDirectory
        let file = folder.appendingPathComponent("halftone-blocks-\(seed).bin")
        defer { try? FileManager.default.removeItem(at: file) }
        let script = testsFolder.appendingPathComponent("Reference/gguf_blocks.py")
        try #require(runPython([script.path, file.path, "\(seed)", "16384"]))
        let records = try BlockRecord.read(file)
        #expect(records.count == 36)
        try check(records, "seed \(seed)")
    }

    private func check(_ records: [BlockRecord], _ note: String = "") throws {
        for record in records {
            if record.isEncoded {
                let found = try BlockCodec.encode(
                    record.type, record.values, columns: record.type.blockSize)
                let difference = zip(found, record.bytes).enumerated().first { $1.0 != $1.1 }
                #expect(difference == nil, "\(record.type.name) encoded \(note)")
                #expect(found.count == record.bytes.count)
            } else {
                for form in [KernelForm.best, .portable] {
                    var found: [Float] = []
                    try BlockCodec.decode(
                        record.type, Bytes(record.bytes), into: &found, form: form)
                    let difference = firstDifference(found, record.values)
                    #expect(difference == nil, "\(record.type.name) \(form) \(note)")
                }
            }
        }
    }

    @Test func decodesTypesThatTheReferencePackageLacks() throws {
        // d = 0.75 (0x3A00); by the definition: a bit each, and two bits each minus 1.
        let codes = (0..<16).map { UInt8(truncatingIfNeeded: 37 * $0 + 5) }
        var x: [Float] = []
        try BlockCodec.decode(.q1_0, Bytes([0x00, 0x3A] + codes), into: &x)
        let bits = (0..<128).map { (e: Int) -> Float in
            codes[e / 8] >> (e % 8) & 1 == 0 ? -0.75 : 0.75
        }
        #expect(x == bits)
        x = []
        try BlockCodec.decode(.q2_0, Bytes([0x00, 0x3A] + codes), into: &x)
        let fields = (0..<64).map { (e: Int) -> Float in
            0.75 * Float(Int(codes[e / 4] >> (2 * (e % 4)) & 3) - 1)
        }
        #expect(x == fields)
        x = []
        try BlockCodec.decode(.i8, Bytes([0x80, 0x7F]), into: &x)
        try BlockCodec.decode(.i16, Bytes([0x00, 0x80, 0xFF, 0x7F]), into: &x)
        try BlockCodec.decode(.i32, Bytes([0xFE, 0xFF, 0xFF, 0xFF]), into: &x)
        try BlockCodec.decode(.i64, Bytes([0, 0, 0, 0, 0, 0, 0, 0x80]), into: &x)
        try BlockCodec.decode(.f64, Bytes([0, 0, 0, 0, 0, 0, 0xF8, 0x3F]), into: &x)
        #expect(x == [-128, 127, -32768, 32767, -2, -0x1p63, 1.5])
    }

    @Test func encodesTypesThatTheReferencePackageLacks() throws {
        // ±1 and ±3 in turn: the mean magnitude is 2, zeros count as positive.
        let x: [Float] = (0..<128).map { [1, -3, -1, 3][$0 % 4] }
        let bits = try BlockCodec.encode(.q1_0, x, columns: 128)
        #expect(bits == [0x00, 0x40] + [UInt8](repeating: 0b1001_1001, count: 16))
        let zeros = try BlockCodec.encode(.q1_0, .init(repeating: 0, count: 128), columns: 128)
        #expect(zeros == [0, 0] + [UInt8](repeating: 255, count: 16))
        // The largest is 3: 1 becomes 0, −3 becomes −1, so the codes are 1, 0, 1, 2.
        let fields = try BlockCodec.encode(.q2_0, Array(x[..<64]), columns: 64)
        #expect(fields == [0x00, 0x42] + [UInt8](repeating: 0b10_01_00_01, count: 16))
        // Half of the largest rounds away from zero.
        var halves = [Float](repeating: 0, count: 64)
        halves.replaceSubrange(0..<4, with: [2, 1, -1, 0.99])
        #expect(try BlockCodec.encode(.q2_0, halves, columns: 64)[2] == 0b01_00_10_10)
    }

    @Test(arguments: weightTypes)
    func anyBytesDecodeTheSameInAllForms(type: BlockType) throws {
        var generator = TestGenerator(state: UInt64(type.rawValue))
        for blocks in [0, 1, 2, 7, 8, 9, 33] {
            // An odd start leaves nothing aligned.
            let size = blocks * type.bytesPerBlock
            let bytes = Bytes(generator.bytes(size + 1))[1..<size + 1]
            var best: [Float] = [42]
            var portable: [Float] = []
            try BlockCodec.decode(type, bytes, into: &best)
            try BlockCodec.decode(type, bytes, into: &portable, form: .portable)
            #expect(best.removeFirst() == 42 && best.count == blocks * type.blockSize)
            #expect(firstDifference(best, portable) == nil)
        }
    }

    @Test(arguments: BlockCodec.encodableTypes)
    func encodedValuesComeBackWithinAStep(type: BlockType) throws {
        var generator = TestGenerator(state: 11)
        let x = generator.floats(type.blockSize * 3)
        let bytes = try BlockCodec.encode(type, x, columns: type.blockSize)
        #expect(bytes.count == 3 * type.bytesPerBlock)
        var y: [Float] = []
        try BlockCodec.decode(type, Bytes(bytes), into: &y)
        // The values lie in −1...1. A step is the range over the levels; Q4_0 and Q5_0 may miss a
        // value opposite the extreme by a whole step, the others by half; one bit says nothing.
        let steps: [BlockType: Float] = [
            .f32: 0, .f16: 0x1p-12, .bf16: 0x1p-9, .q8_0: 0.5 / 127, .q4_0: 1.0 / 8,
            .q5_0: 1.0 / 16, .q4_1: 0.5 * 2 / 15, .q5_1: 0.5 * 2 / 31, .tq1_0: 0.5, .tq2_0: 0.5,
            .q2_0: 0.5, .q1_0: 1.0, .mxfp4: 0.25,
        ]
        // Types with a search are held to their squared error in BlockSearchTests.
        guard !searchedTypes.contains(type) else { return }
        // The scale and the offset round to binary16, eleven bits, at values up to 1.
        let bound = try #require(steps[type]) + (type.isPlain ? 0 : 2 * 0x1p-11)
        for (found, wanted) in zip(y, x) { #expect(abs(found - wanted) <= bound) }
    }

    @Test func refusesWhatBlocksCannotHold() {
        var x = [Float](repeating: 0.5, count: 64)
        x[37] = .nan
        #expect(throws: BlockError.notFinite(type: .q4_0, element: 37, value: "nan")) {
            try BlockCodec.encode(.q4_0, x, columns: 32)
        }
        x[37] = -.infinity
        #expect(throws: BlockError.notFinite(type: .mxfp4, element: 37, value: "-inf")) {
            try BlockCodec.encode(.mxfp4, x, columns: 64)
        }
        #expect(throws: BlockError.columnsDoNotDivide(type: .q8_0, columns: 48)) {
            try BlockCodec.encode(.q8_0, x, columns: 48)
        }
        #expect(throws: BlockError.columnsDoNotDivide(type: .q8_0, columns: 0)) {
            try BlockCodec.encode(.q8_0, x, columns: 0)
        }
        #expect(throws: BlockError.partialRow(type: .q8_0, values: 64, columns: 96)) {
            try BlockCodec.encode(.q8_0, x, columns: 96)
        }
        #expect(throws: BlockError.noEncoder(.iq2_S)) {
            try BlockCodec.encode(.iq2_S, [Float](repeating: 0, count: 256), columns: 256)
        }
        #expect(throws: BlockError.outOfRange(type: .f16, element: 1, value: "70000.0")) {
            try BlockCodec.encode(.f16, [1, 70000], columns: 1)
        }
        #expect(throws: BlockError.self) {
            try BlockCodec.encode(.q8_0, [Float](repeating: 1e30, count: 32), columns: 32)
        }
        #expect(throws: BlockError.self) {
            try BlockCodec.encode(.q4_1, [Float](repeating: 1e10, count: 32), columns: 32)
        }
        var output: [Float] = []
        #expect(throws: BlockError.partialBlock(type: .q4_0, bytes: 19)) {
            try BlockCodec.decode(.q4_0, Bytes([UInt8](repeating: 0, count: 19)), into: &output)
        }
        #expect(throws: BlockError.notAWeightType(.q8_K)) {
            try BlockCodec.decode(.q8_K, Bytes([]), into: &output)
        }
        #expect(output.isEmpty)
    }

    @Test func plainTypesHoldNaNAndInfinity() throws {
        let x: [Float] = [.infinity, -.infinity, .nan, -0.0]
        for type in [BlockType.f32, .f16, .bf16] {
            var y: [Float] = []
            try BlockCodec.decode(
                type, Bytes(BlockCodec.encode(type, x, columns: 4)), into: &y)
            #expect(firstDifference(y, x) == nil, "\(type.name)")
        }
    }

    @Test(arguments: BlockCodec.encodableTypes)
    func extremeBlocksEncodeWithoutTraps(type: BlockType) throws {
        // Subnormal values make reciprocals infinite; what comes out only has to be a block.
        for value: Float in [0x1p-149, -0x1p-149, 0x1p-130, -0x3p-129, 1e-30, 60000] {
            // The scales of NVFP4 end at 448, and its elements at 6.
            if type == .nvfp4, value > 448 * 6 { continue }
            for other: Float in [0, value, -value] {
                var x = [Float](repeating: other, count: type.blockSize)
                x[0] = value
                let bytes = try BlockCodec.encode(type, x, columns: type.blockSize)
                #expect(bytes.count == type.bytesPerBlock)
            }
        }
    }
}
