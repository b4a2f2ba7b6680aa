import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// Blocks of one matrix of Gaussian numbers.
struct GaussianBlocks {
    private let settings: BitStackReproduction.Settings
    private let isControl: Bool
    private let seed: UInt64

    init(
        _ settings: BitStackReproduction.Settings, seed: UInt64, _ context: ReproductionContext
    ) {
        self.settings = settings
        self.seed = seed
        isControl = context.isControl
    }

    func measure(_ found: inout BitStackFigures) throws {
        let side = settings.side
        let weight = Tensor.normal([side, side], seed: seed)
        let method = BitStack(blocks: 4, rank: settings.sideRank)
        let stages = try method.stored(
            weight.weightMatrix(), inputs: nil, pool: WorkerPool.current
        ).stages
        let values = weight.elements.array
        let size = Self.squares(values)
        // What singular vectors leave in the memory of some blocks.
        let singular = try DenseMatrix<Float>(rows: side, columns: side, elements: values)
            .singularValues().values
        let left = (1...4).map { count in
            let rank = count * stages[0].byteCount / (4 * side)
            return Self.squares(Array(singular[min(rank, side)...])) / size
        }
        var rest = values
        var errors: [Double] = []
        for stage in stages {
            rest = zip(rest, try stage.decoded()).map { $0 - $1 }
            errors.append(Self.squares(rest) / size)
        }
        if isControl { errors = left }
        if found.errors.isEmpty {
            found.errors = errors.map { _ in [] }
            found.vectors = [[], [], []]
        }
        for (place, error) in errors.enumerated() { found.errors[place].append(error) }
        for (place, count) in [1, 2, 4].enumerated() {
            found.vectors[place].append(left[count - 1])
        }
    }

    private static func squares(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1) * Double($1) }
    }
}

/// One seed: the stack of a model, and what it loses at many sizes.
struct BitStackTrial {
    private let settings: BitStackReproduction.Settings
    private let context: ReproductionContext
    private let seed: UInt64
    private let bench: LanguageBench
    private let roles: [Role]
    /// `[matrix][block]`.
    private let blocks: [[StoredMatrix]]
    /// The sums of the first blocks, `[matrix][blocks − 1]`.
    private let sums: [[any WeightMatrix]]
    private let unscaledSums: [[any WeightMatrix]]
    /// The largest channel of a layer's inputs over its median, the mean over layers.
    private let spread: Double

    init(
        _ settings: BitStackReproduction.Settings, seed: UInt64, _ context: ReproductionContext
    ) throws {
        self.settings = settings
        self.context = context
        self.seed = seed
        let bench = try LanguageBench(settings.bench, seed: seed, context)
        self.bench = bench
        roles = bench.linearRoles
        let inputs = try bench.inputs(.features)
        spread = InputStatistics.spread(inputs.values)
        var method = BitStack(blocks: settings.blocks, rank: settings.rank)
        blocks = try roles.map { role in
            try method.stored(
                bench.model.weights.matrix(role), inputs: inputs[role], pool: bench.pool
            ).stages
        }
        sums = try blocks.map(StoredMatrix.sums)
        method.scalesActivations = false
        method.blocks = 3
        unscaledSums = try roles.map { role in
            let matrix = bench.model.weights.matrix(role)
            return try StoredMatrix.sums(
                method.stored(matrix, inputs: nil, pool: bench.pool).stages)
        }
        context.advance()
    }

    func measure(_ found: inout BitStackFigures) throws {
        func loss(_ sums: [[any WeightMatrix]], _ blocks: Int) throws -> Double {
            try bench.measure(weights(sums, roles.map { _ in blocks })).loss
        }
        if settings.large == nil {
            found.float.append(bench.float.loss)
            found.largest.append(spread)
            found.scaled.append((try loss(sums, 2) + loss(sums, 3)) / 2)
            found.plain.append((try loss(unscaledSums, 2) + loss(unscaledSums, 3)) / 2)
        }
        let orders = try orders()
        let stack = try BlockStack(members, order: orders.ranked)
        try measureSizes(stack, &found)
        try measureOrders(stack, try BlockStack(members, order: orders.bySize), &found)
        try measureRounding(stack, &found)
    }

    private var members: [BlockStack.Member] {
        zip(roles, blocks).map { BlockStack.Member("\($0)", blocks: $1) }
    }

    private func weights(_ sums: [[any WeightMatrix]], _ counts: [Int]) -> DecoderWeights {
        var weights = bench.model.weights
        for (place, role) in roles.enumerated() {
            weights.replace(role, with: sums[place][counts[place] - 1])
        }
        return weights
    }

    private func loss(_ stack: BlockStack) throws -> Double {
        try bench.measure(weights(sums, stack.members.map(\.blocks.count))).loss
    }

    /// The paper's order, and the one by what blocks help for their size.
    private func orders() throws -> (ranked: [Int], bySize: [Int]) {
        let other = try LanguageBench(settings.ranking, seed: seed + 100, context)
        var known: [[Int]: Double] = [:]
        func loss(_ counts: [Int]) throws -> Double {
            if let loss = known[counts] { return loss }
            let loss = try other.measure(weights(sums, counts)).loss
            known[counts] = loss
            if known.count.isMultiple(of: roles.count) { context.advance() }
            return loss
        }
        let (count, levels) = (roles.count, settings.blocks)
        return (
            try BitStack.ranking(matrices: count, blocks: levels, loss: loss),
            try BitStack.ranking(
                matrices: count, blocks: levels, sizes: blocks.map { $0[0].byteCount }, loss: loss)
        )
    }

    /// Loads prefixes of a file within budgets that are evenly spaced.
    private func measureSizes(_ stack: BlockStack, _ found: inout BitStackFigures) throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-stack-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try stack.write(to: path)
        let least = stack.runningTotals[0]
        let largest = blocks.reduce(0) { max($0, $1[0].byteCount) }
        var losses: [Double] = []
        var empty = 0
        for step in 0..<settings.budgets {
            let budget = least + step * (stack.byteCount - least) / (settings.budgets - 1)
            let loaded = try BlockStack(contentsOf: path, within: budget)
            let bytes = try loaded.matrices.values.reduce(0) { $0 + $1.byteCount }
            empty = bytes > budget ? .max : max(empty, budget - bytes)
            let matrices = try loaded.matrices
            var weights = bench.model.weights
            for role in roles {
                if let matrix = matrices["\(role)"] {
                    weights.replace(role, with: try matrix.matrix())
                }
            }
            losses.append(try bench.measure(weights).loss)
        }
        let steps = zip(losses, losses.dropFirst()).map { exp($1 - $0) }
        found.budgets = settings.budgets
        found.steps.append(steps.max() ?? 2)
        found.empty.append(Double(empty) / Double(largest))
        found.emptyBytes.append(Double(empty))
        found.least.append(losses[0])
        found.most.append(losses[losses.count - 1])
        context.advance()
    }

    /// Between one block and two, and between two and three, half of the level's bytes.
    private func measureOrders(
        _ stack: BlockStack, _ bySize: BlockStack, _ found: inout BitStackFigures
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let random = try (0...settings.orders).map { _ in
            try BlockStack(
                members,
                order: (1..<settings.blocks).flatMap { _ in
                    roles.indices.shuffled(using: &generator)
                })
        }
        func atHalves(_ stack: BlockStack) throws -> Double {
            let losses = try [0, 1].map { level in
                let totals = stack.runningTotals
                let budget = (totals[level * roles.count] + totals[(level + 1) * roles.count]) / 2
                return try loss(stack.prefix(try stack.count(within: budget)))
            }
            return losses.reduce(0, +) / 2
        }
        let ranked = context.isControl ? random[settings.orders] : stack
        found.ranked.append(try atHalves(ranked))
        found.bySize.append(try atHalves(bySize))
        let losses = try random.prefix(settings.orders).map(atHalves)
        found.random.append(losses.reduce(0, +) / Double(losses.count))
    }

    /// Rounding to nearest, and the stack in as much memory.
    private func measureRounding(_ stack: BlockStack, _ found: inout BitStackFigures) throws {
        let count = roles.reduce(0) {
            let matrix = bench.model.weights.matrix($1)
            return $0 + matrix.rows * matrix.columns
        }
        func within(_ bytes: Int) throws -> BlockStack {
            stack.prefix(try stack.count(within: bytes))
        }
        if settings.large == nil {
            let few = try within(count * 5 / 16)
            found.few.append(try loss(few))
            found.fewBits.append(Double(8 * few.byteCount) / Double(count))
            try bench.measureTwoBits(roles, &found)
        }
        let four = try bench.rounded(
            roles,
            WeightScheme(format: IntegerFormat(bits: 4, symmetric: true), granularity: .group(128)))
        found.four.append(try bench.measure(four.weights).loss)
        found.much.append(try loss(within(Int(four.bits * Double(count)) / 8)))
    }
}

/// One draw of calibration text for the first blocks of a model that has large channels.
struct LargeBitStackTrial {
    private let settings: BitStackReproduction.Large
    private let bench: LanguageBench
    private let roles: [Role]

    init(
        _ settings: BitStackReproduction.Large, seed: UInt64, _ context: ReproductionContext
    ) throws {
        self.settings = settings
        bench = try LanguageBench(settings.bench, seed: seed, context)
        roles = bench.linearRoles.filter { ($0.block ?? 0) < settings.layers }
    }

    func measure(_ found: inout BitStackFigures) throws {
        let inputs = try bench.inputs(.features)
        found.float.append(bench.float.loss)
        found.largest.append(InputStatistics.spread(roles.compactMap { inputs[$0] }))
        var method = BitStack(blocks: 3, rank: settings.rank)
        let scaled = try losses(method, inputs)
        found.scaled.append((scaled.two + scaled.three) / 2)
        found.few.append(scaled.two)
        found.fewBits.append(scaled.bits)
        // Without inputs, and in rounding, no draw differs from another.
        if let plain = found.plain.first {
            found.plain.append(plain)
            found.repeatTwoBits()
            return
        }
        method.scalesActivations = false
        let plain = try losses(method, [:])
        found.plain.append((plain.two + plain.three) / 2)
        try bench.measureTwoBits(roles, &found)
    }

    /// The losses with two blocks of each matrix and with three, and the bits of two.
    private func losses(
        _ method: BitStack, _ inputs: [Role: InputStatistics]
    ) throws -> (two: Double, three: Double, bits: Double) {
        let sums = try bench.pool.mapped(roles) { role in
            let matrix = bench.model.weights.matrix(role)
            let stages = try method.stored(matrix, inputs: inputs[role], pool: bench.pool).stages
            return (try StoredMatrix.sums(stages), stages[0].byteCount + stages[1].byteCount)
        }
        func loss(_ count: Int) throws -> Double {
            var weights = bench.model.weights
            for (role, sum) in zip(roles, sums) { weights.replace(role, with: sum.0[count - 1]) }
            return try bench.measure(weights).loss
        }
        let bytes = sums.reduce(0) { $0 + $1.1 }
        let count = sums.reduce(0) { $0 + $1.0[0].rows * $1.0[0].columns }
        return (try loss(2), try loss(3), Double(8 * bytes) / Double(count))
    }
}

extension LanguageBench {
    /// Some of the linear layers rounded to nearest, and their bits per weight.
    fileprivate func rounded(
        _ roles: [Role], _ scheme: WeightScheme
    ) throws -> (weights: DecoderWeights, bits: Double) {
        var weights = model.weights
        var (bytes, count) = (0, 0)
        for role in roles {
            let matrix = weights.matrix(role)
            let rounded = try RoundToNearest().quantize(matrix, scheme: scheme, pool: pool).matrix
            weights.replace(role, with: rounded)
            bytes += rounded.byteCount
            count += rounded.rows * rounded.columns
        }
        return (weights, Double(8 * bytes) / Double(count))
    }

    /// Two bits a row with zero points or without, whichever loses less, and two ways to choose
    /// scales.
    fileprivate func measureTwoBits(_ roles: [Role], _ found: inout BitStackFigures) throws {
        func best(_ search: ScaleSearch) throws -> (loss: Double, bits: Double) {
            let both = try [true, false].map { isSymmetric in
                let rounded = try rounded(
                    roles,
                    WeightScheme(
                        format: IntegerFormat(bits: 2, symmetric: isSymmetric),
                        granularity: .channel, search: search))
                return (loss: try measure(rounded.weights).loss, bits: rounded.bits)
            }
            return both.min { $0.loss < $1.loss } ?? both[0]
        }
        let least = try best(.leastError)
        found.two.append(least.loss)
        found.twoBits.append(least.bits)
        found.covered.append(try best(.absmax).loss)
    }
}

extension StoredMatrix {
    /// The sums of the first blocks, in float32: they are measured many times.
    fileprivate static func sums(_ blocks: [StoredMatrix]) throws -> [any WeightMatrix] {
        var sum = [Float](repeating: 0, count: blocks[0].rows * blocks[0].columns)
        return try blocks.map { block in
            sum = zip(sum, try block.decoded()).map { $0 + $1 }
            return Tensor(shape: [block.rows, block.columns], elements: sum).weightMatrix()
        }
    }
}

extension InputStatistics {
    /// The largest channel over the median, the mean over layers.
    fileprivate static func spread(_ inputs: some Collection<InputStatistics>) -> Double {
        let ratios = inputs.map { one in
            let sorted = one.meanSquares.map { Double($0).squareRoot() }.sorted()
            return sorted[sorted.count - 1] / max(sorted[sorted.count / 2], 1e-9)
        }
        return ratios.reduce(0, +) / Double(max(ratios.count, 1))
    }
}
