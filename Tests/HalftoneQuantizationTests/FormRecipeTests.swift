import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Forms by their texts, the kernels of stored matrices, and the scale rule of NVFP4.
struct FormRecipeTests {
    private static let plain = MatrixForm.scaled(.int(3), .group(64), .plain(.float16))

    @Test(arguments: [
        ("e3m2/32/bf16", MatrixForm.scaled(.e3m2, .group(32), .plain(.bfloat16))),
        ("ternary/channel", .scaled(.ternary, .channel, .plain(.float16))),
        ("nf4/64/e4m3:256", .scaled(.nf4, .group(64), .quantized(.e4m3, group: 256))),
        (
            "uint3/32/f16:zeros",
            .scaled(
                NumberFormat(.integer(IntegerFormat(bits: 3, symmetric: false))), .group(32),
                .affine(.float16))
        ),
        (
            "lqnf2/32/u8:256:f32",
            .scaled(.lqnf2, .group(32), .offset(bits: 8, group: 256, .float32))
        ),
        ("signs/4+signs/300", .residual([.signedLowRank(4), .signedLowRank(64)])),
        ("nf4", .scaled(.nf4, .group(64), .plain(.float16))),
        ("mxfp6e3m2", .blocks(.microscaling[2])),
        ("q4_k", .gguf(.q4_K)), ("dual-binary/32", .dualBinary(.group(32))),
        ("vectors/2/256", .vectors(dimension: 2, count: 256)), ("complex", .complexUnits),
        ("affine-signs", .affineSigns),
        ("columns=1%+int3", .outlierColumns(3, base: plain)),
        ("sparse=100+int3/64/f16", .sparse(100, base: plain)),
        ("rank=8+int3", .lowRank(8, base: plain)),
        ("int3+int3", .residual([plain, plain])),
        ("rank=2+int3+complex", .lowRank(2, base: .residual([plain, .complexUnits]))),
        ("(rank=2+int3)+complex", .residual([.lowRank(2, base: plain), .complexUnits])),
        ("int3+rank=300+complex", .residual([plain, .lowRank(64, base: .complexUnits)])),
        (
            "complex@25%,int3",
            .columnClasses([
                .init(columns: 64, form: .complexUnits), .init(columns: 192, form: plain),
            ])
        ),
        (
            "columns=16+(complex@100,int3)",
            .outlierColumns(
                16,
                base: .columnClasses([
                    .init(columns: 100, form: .complexUnits), .init(columns: 140, form: plain),
                ]))
        ),
    ])
    func textsNameForms(text: String, form: MatrixForm) throws {
        let recipe = try FormRecipe(text)
        #expect(try recipe.form(rows: 64, columns: 256) == form)
        #expect(try FormRecipe("\(recipe)") == recipe, "\(recipe)")
    }

    @Test(arguments: [
        "", "int9", "int4/", "int4/0", "int4/64/f12", "int4/64/f16/2", "rank=-1+int4", "rank=1",
        "rank=1,int4", "size=1+int4", "columns=101%+int4", "columns=+int4", "(int4", "int4)",
        "int4@10,,int4", "int4,int4", "int4+", "+int4", "nf4/64/e4m3:0", "nf4/64/e4m3", "f16",
        "signs", "signs/x",
        "nf4/64/u8:256", "nf4/64/f17:zeros", "nf4/64/u8:0x:f16",
        String(repeating: "(", count: 1000), String(repeating: "rank=1+", count: 1000) + "int4",
    ])
    func otherTextsAreRefused(text: String) {
        #expect(throws: FormRecipeError.self) { try FormRecipe(text) }
    }

    @Test func shapesThatDoNotFitAreRefused() throws {
        for text in [
            "nf4/8/u9:16:f16", "nf4/8/u8:0:f16", "nf4/8/u8:16:f8", "columns=9+int4",
            "int4@5,int4@5", "Q4_K", "sparse=100+int4",
        ] {
            let recipe = try FormRecipe(text)
            #expect(throws: QuantizationError.self, "\(text)") {
                try recipe.form(rows: 8, columns: 8)
            }
        }
    }

    /// What products are computed with has the values of the definition, bit for bit.
    @Test(arguments: [
        "int4/16", "uint3/24", "ternary/channel", "levels5/tensor/f32", "binary/32", "e3m2/32/f8",
        "nf4/64/e4m3:16", "e4m3/tensor", "e5m2/channel/f32", "shift4/20", "fp4/7", "nf3/column",
        "lqnf3/16/u4:8:f16", "signs/3", "signs/3+signs/2", "mxfp8e5m2", "mxfp6e2m3", "mxfp4",
        "mxint8", "nvfp4", "bfp3e4g5", "bfp4e8g4x8", "Q8_0",
        "rank=2+int3/32",
    ])
    func matricesHaveTheValues(text: String) throws {
        for columns in [32, 33, 96] where text != "Q8_0" || columns != 33 {
            let weights = Array(Tensor.normal([19, columns], seed: 6).elements)
            let stored = try StoredMatrix(
                weights, rows: 19, columns: columns,
                form: FormRecipe(text).form(rows: 19, columns: columns), search: .absmax)
            let matrix = try stored.matrix()
            let hasNoKernels = ["nf3/column", "rank=2+int3/32"].contains(text)
            #expect((matrix is DecodedMatrix) == hasNoKernels)
            #expect(matrix.byteCount == stored.byteCount)
            #expect(try matrix.decoded() == stored.decoded(), "\(columns) columns")
        }
    }

    /// torchao and compressed-tensors, which agree with each other, have the scale rule of the
    /// layout: `max|x| / 6` in units of the float32 that brings the largest of all to 448.
    @Test func rulesOfOtherProgramsGiveTheBytes() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/Formats/nvfp4.bin")
        let file = Bytes([UInt8](try Data(contentsOf: url)))
        let (rows, columns) = (
            Int(file.load(UInt32.self, at: 0)), Int(file.load(UInt32.self, at: 4))
        )
        let count = rows * columns
        func float(_ at: Int) -> Float { Float(bitPattern: file.load(UInt32.self, at: at)) }
        let weights = (0..<count).map { float(8 + 4 * $0) }
        let ours = try BlockScaledMatrix(weights, rows: rows, columns: columns, layout: .nvfp4)
        var at = 8 + 4 * count
        for program in ["torchao", "compressed-tensors"] {
            #expect(ours.factor == float(at), "\(program)")
            #expect(ours.scales.array == file[at + 4..<at + 4 + count / 16].array, "\(program)")
            at += 4 + count / 16
            #expect(ours.codes.array == file[at..<at + count / 2].array, "\(program)")
            at += count / 2
        }
        #expect(at == file.count)
    }
}
