import Foundation
import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

private func squares(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }
}

@Suite("LQ-LoRA") struct LQLoRATests {
    private let base = LQLoRA.Configuration(bits: 3).form

    /// Relative errors of a simulation of the algorithm on Gaussian numbers.
    @Test("turns on a Gaussian matrix leave what the simulation leaves")
    func gaussianErrors() throws {
        let weight = Tensor.normal([576, 576], seed: 21).weightMatrix()
        let size = squares(weight.decoded())
        let rounded = try LQLoRA(rank: 0, base: base).decompose(weight)
        let split = try LQLoRA(rank: 32, base: base, turns: 3).decompose(weight)
        #expect(rounded.errors.count == 1)
        let errors = (rounded.errors + split.errors).map { $0 / size }
        #expect(errors.count == 4)
        for (error, expected) in zip(errors, [0.0406, 0.0330, 0.0283, 0.0262]) {
            // Three digits, and the spread of 331,776 numbers.
            #expect((error / expected - 1).magnitude < 0.02, "\(error)")
        }
        // What is stored has the error that was reported: sums of float32 numbers of one size.
        let rest = zip(weight.decoded(), try split.matrix.decoded()).map { $0 - $1 }
        #expect((squares(rest) / split.error - 1).magnitude < 1e-4)
        #expect(split.matrix.form == .lowRank(32, base: base))
    }

    @Test("it stops when the error grows and keeps the best")
    func bestIsKept() throws {
        for seed in 1...4 {
            let weight = Tensor.normal([16, 64], seed: UInt64(seed)).weightMatrix()
            let found = try LQLoRA(rank: 8, base: base, turns: 400).decompose(weight)
            #expect(found.errors.count < 400)
            let falling = found.errors.dropLast()
            #expect(zip(falling, falling.dropFirst()).allSatisfy { $0 > $1 })
            #expect(found.errors[found.errors.count - 1] >= found.error)
            let rest = zip(weight.decoded(), try found.matrix.decoded()).map { $0 - $1 }
            #expect((squares(rest) / found.error - 1).magnitude < 1e-4)
        }
    }

    @Test("a matrix of low rank is all in the thin matrices")
    func exactCase() throws {
        let (left, right) = ((1...8).map { Float($0) }, (0..<64).map { Float($0 % 5) - 2 })
        let values = left.flatMap { a in right.map { a * $0 } }
        let weight = Tensor(shape: [8, 64], elements: values).weightMatrix()
        let found = try LQLoRA(rank: 1, base: base).decompose(weight)
        // The factors are rounded to 11 bits, and the rest of that to a few levels.
        #expect(found.error < squares(values) * 0x1p-20)
    }

    @Test("errors that count Fisher information are the ones that fall")
    func fisherIsUsed() throws {
        let weight = Tensor.normal([32, 64], seed: 5).weightMatrix()
        // The paper's approximation is exact for a product of rows and columns.
        let fisher = (0..<32 * 64).map { place in
            Float(place / 64 % 4 == 0 ? 16 : 1) * Float(place % 64 % 8 == 0 ? 25 : 1) * 1e-6
        }
        func error(_ method: LQLoRA) throws -> Double {
            let values = try method.decompose(weight).matrix.decoded()
            return zip(weight.decoded(), values).enumerated().reduce(0) {
                let distance = Double($1.element.0) - Double($1.element.1)
                return $0 + Double(fisher[$1.offset]) * distance * distance
            }
        }
        let weighted = LQLoRA(rank: 4, base: base, fisher: fisher)
        let (with, without) = (try error(weighted), try error(LQLoRA(rank: 4, base: base)))
        #expect(with < 0.9 * without, "\(with) against \(without)")
        #expect((try weighted.decompose(weight).error / with - 1).magnitude < 1e-3)
        // Rows and columns without information, or none at all, are no division by zero.
        let some = (0..<32 * 64).map { Float($0 / 64 < 4 && $0 % 64 < 4 ? 1 : 0) }
        for fisher in [some, [Float](repeating: 0, count: 32 * 64)] {
            let found = try LQLoRA(rank: 4, base: base, turns: 2, fisher: fisher)
                .decompose(weight)
            #expect(try found.matrix.decoded().allSatisfy(\.isFinite))
        }
    }

    /// Section 3.2: b + b0 / B0 + b1 / (B0 · B1) bits, and an offset for each matrix.
    @Test("quantizers take the bits of the paper's formula")
    func bitsOfConfigurations() throws {
        let grid = LQLoRA.Configuration.grid
        #expect(grid.count == 432 && Set(grid).count == 432)
        for one in grid {
            let width = Double(one.scaleFormat.bits)
            let group = Double(one.groupSize)
            let bits =
                Double(one.bits) + Double(one.scaleBits) / group
                + width / (group * Double(one.scaleGroup))
            // 256 × 1024 weights are whole groups of everything.
            let count = 256.0 * 1024
            #expect(try one.form.bitsPerWeight(rows: 256, columns: 1024) == bits + 32 / count)
        }
        let qlora = try LQLoRA.Configuration(bits: 4).form.bitsPerWeight(rows: 512, columns: 512)
        #expect((qlora - 4.127).magnitude < 1e-3)
    }

    @Test("scales are whole numbers above the least one")
    func offsetScales() throws {
        // Four groups whose largest magnitudes are 1, 2, 4 and 8, scales of 3 bits in pairs.
        let form = MatrixForm.scaled(
            .lqnf2, .group(4), .offset(bits: 3, group: 2, .float32))
        let values: [Float] = [0.5, -1, 0, 0.25] + [2, 0, -2, 0] + [4, -4, 0, 1] + [-8, 8, 3, 0]
        let stored = try StoredMatrix(values, rows: 4, columns: 4, form: form, search: .absmax)
        func part(_ name: String) -> [UInt8] {
            stored.parts.first { $0.layout.name == name }?.bytes.array ?? []
        }
        // Offset 1; the largest differences are 1 and 7; codes 0 and 7, then 3 and 7.
        #expect(part("scale_offset") == [0, 0, 0x80, 0x3F])
        #expect(part("scale_scales") == [0, 0, 0x80, 0x3F, 0, 0, 0xE0, 0x40])
        let codes = 0 | 7 << 3 | 3 << 6 | 7 << 9
        #expect(part("scale_codes") == [UInt8(codes & 0xFF), UInt8(codes >> 8)])
        // Levels are −1, 0, 0.338 and 1; 0.5 is nearer to 0.338 and 0.25 too; 3/8 is 0.338.
        let level = Codebook.lqnf2.values[2]
        #expect(
            try stored.decoded()
                == [level, -1, 0, level] + [2, 0, -2, 0] + [4, -4, 0, 4 * level]
                + [-8, 8, 8 * level, 0])
    }

    /// Section 3.2: quantiles from 1 − p to ½ and ½ to p for p = 0.9677083, over the outermost.
    @Test("levels are quantiles of the normal distribution", arguments: [2, 3, 4])
    func levels(bits: Int) {
        func quantile(_ share: Double) -> Double {
            var (low, high) = (-4.0, 4.0)
            for _ in 0..<80 {
                let middle = (low + high) / 2
                if erfc(-middle / 2.0.squareRoot()) / 2 < share {
                    low = middle
                } else {
                    high = middle
                }
            }
            return low
        }
        let (p, half) = (0.9677083, 1 << (bits - 1))
        let below = (0..<half).map { 1 - p + (p - 0.5) * Double($0) / Double(half - 1) }
        let above = (1...half).map { 0.5 + (p - 0.5) * Double($0) / Double(half) }
        let values = [Codebook.lqnf2, .lqnf3, .nf4][bits - 2].values
        #expect(values.count == 2 * half)
        for (value, share) in zip(values, below + above) {
            // The table of four bits comes from an offset with more digits.
            #expect((Double(value) - quantile(share) / quantile(p)).magnitude < 2e-6)
        }
    }

    @Test("a program takes no more than the budget and costs no more than one quantizer for all")
    func allocation() throws {
        let configurations = [2, 3, 4].map { LQLoRA.Configuration(bits: $0, groupSize: 32) }
        let units = try (1...3).map { seed in
            let scale = Float(seed * seed)
            let weight = Tensor.normal([32, 64], seed: UInt64(seed)) * scale
            return try LQLoRA(rank: 2, turns: 2).unit(
                "m\(seed)", weight.weightMatrix(), configurations)
        }
        for (unit, matrices) in units {
            for (choice, matrix) in zip(unit.choices, matrices) {
                // Thin matrices of 16 bits come on top.
                #expect(choice.size + 16 * 2 * 96 == 8 * matrix.byteCount)
            }
            #expect(zip(unit.choices, unit.choices.dropFirst()).allSatisfy { $0.cost > $1.cost })
        }
        let budget = 3 * units[0].unit.choices[1].size
        let problem = AllocationProblem(units: units.map(\.unit), budget: budget)
        let found = try ExactAllocator().allocate(problem)
        #expect(found.size <= budget && found.choices == [0, 1, 2])
        #expect(found.cost < problem.measure([1, 1, 1]).cost)
    }
}
