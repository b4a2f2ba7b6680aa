import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// One seed: a Gaussian matrix, and a language model that is split in several ways.
struct LQLoRATrial {
    private let settings: LQLoRAReproduction.Settings
    private let context: ReproductionContext
    private let seed: UInt64
    private let bench: LanguageBench

    fileprivate typealias Matrices = [Role: StoredMatrix]

    init(
        _ settings: LQLoRAReproduction.Settings, seed: UInt64, _ context: ReproductionContext
    ) throws {
        self.settings = settings
        self.context = context
        self.seed = seed
        bench = try LanguageBench(settings.bench, seed: seed, context)
    }

    /// What no draw of text changes.
    struct Unweighted {
        fileprivate var rounded: Matrices
        fileprivate var split: Matrices
        fileprivate var oneStep: Matrices
        fileprivate var splitAtTwo: Matrices
        /// In as much memory as the split.
        fileprivate var roundedInAll: Matrices
    }

    private func makeUnweighted(_ two: MatrixForm, _ three: MatrixForm) throws -> Unweighted {
        let split = try split(method(base: three))
        return Unweighted(
            rounded: try self.split(LQLoRA(rank: 0, base: three)), split: split,
            oneStep: try oneStep(three), splitAtTwo: try self.split(method(base: two)),
            roundedInAll: try rounding(within: 8 * split.values.reduce(0) { $0 + $1.byteCount }))
    }

    /// Measures all claims for one draw of texts.
    ///
    /// - Parameters:
    ///   - found: Gets a value for each figure.
    ///   - unweighted: Made by the first trial.
    func measure(_ found: inout LQLoRAFigures, _ unweighted: inout Unweighted?) throws {
        try measureGaussian(&found)
        context.advance()
        let (two, three) = (LQLoRA.Configuration(bits: 2).form, LQLoRA.Configuration(bits: 3).form)
        let shared = try unweighted ?? makeUnweighted(two, three)
        unweighted = shared
        found.rounded.append(try divergence(shared.rounded))
        found.split.append(try divergence(shared.split))
        found.oneStep.append(try divergence(shared.oneStep))
        found.quantizedBits.append(bits(shared.rounded))
        found.totalBits.append(bits(shared.split))
        found.roundedInAll.append(try divergence(shared.roundedInAll))
        found.unweightedAtTwo.append(try divergence(shared.splitAtTwo))
        context.advance()
        let fisher = try bench.fisher()
        found.weighted.append(try divergence(split(method(base: three), fisher)))
        found.weightedAtTwo.append(try divergence(split(method(base: two), fisher)))
        context.advance()
        try measureAllocation(fisher, &found)
        context.advance()
    }

    /// The method, or in a control run an adapter that is zero.
    private func method(base: MatrixForm) -> LQLoRA {
        LQLoRA(rank: context.isControl ? 0 : settings.rank, base: base, turns: settings.turns)
    }

    private func measureGaussian(_ found: inout LQLoRAFigures) throws {
        let side = settings.side
        let weight = Tensor.normal([side, side], seed: seed).weightMatrix()
        let size = weight.decoded().reduce(0) { $0 + Double($1) * Double($1) }
        let base = LQLoRA.Configuration(bits: 3).form
        let rounded = try LQLoRA(rank: 0, base: base).decompose(weight).errors[0] / size
        let rank = context.isControl ? 0 : settings.sideRank
        var errors = try LQLoRA(rank: rank, base: base, turns: settings.sideTurns)
            .decompose(weight).errors.map { $0 / size }
        // Who stops early stays where it is.
        while errors.count < settings.sideTurns { errors.append(errors[errors.count - 1]) }
        found.gaussian.append([rounded] + errors)
    }

    /// What a method makes of all matrices.
    private func split(_ method: LQLoRA, _ fisher: [Role: [Float]] = [:]) throws -> Matrices {
        let roles = bench.linearRoles
        let matrices = try bench.pool.mapped(roles) { role in
            var own = method
            own.fisher = fisher[role]
            return try own.decompose(bench.model.weights.matrix(role)).matrix
        }
        return Dictionary(uniqueKeysWithValues: zip(roles, matrices))
    }

    /// Quantized weights first, then once the singular vectors of what they leave over.
    private func oneStep(_ base: MatrixForm) throws -> Matrices {
        let roles = bench.linearRoles
        let matrices = try bench.pool.mapped(roles) { role in
            let weight = bench.model.weights.matrix(role)
            return try StoredMatrix(
                weight.decoded(), rows: weight.rows, columns: weight.columns,
                form: .lowRank(settings.rank, base: base), search: .absmax)
        }
        return Dictionary(uniqueKeysWithValues: zip(roles, matrices))
    }

    private func divergence(_ matrices: Matrices) throws -> Double {
        let weights = try bench.weights { role, _ in try matrices[role]?.matrix() }
        return try bench.measure(weights).divergence
    }

    private func bits(_ matrices: Matrices) -> Double {
        LanguageBench.Stored(weights: bench.model.weights, matrices: matrices).bitsPerWeight
    }

    private typealias Priced = (unit: AllocationUnit, matrices: [StoredMatrix])

    private func priced(_ method: LQLoRA, _ fisher: [Role: [Float]]) throws -> [Priced] {
        try bench.pool.mapped(bench.linearRoles) { role in
            var own = method
            own.fisher = fisher[role]
            return try own.unit(
                "\(role)", bench.model.weights.matrix(role), settings.configurations)
        }
    }

    private func matrices(_ priced: [Priced], _ choices: [Int]) -> Matrices {
        Dictionary(
            uniqueKeysWithValues: zip(bench.linearRoles, zip(priced, choices)).map {
                ($0, $1.0.matrices[$1.1])
            })
    }

    /// Rounding to nearest, each matrix with the quantizer that an integer program gives it.
    private func rounding(within budget: Int) throws -> Matrices {
        let priced = try priced(LQLoRA(rank: 0), [:])
        let problem = AllocationProblem(units: priced.map(\.unit), budget: budget)
        return matrices(priced, try ExactAllocator().allocate(problem).choices)
    }

    /// An integer program against the quantizer of least cost for all matrices, in the memory of
    /// three bits.
    private func measureAllocation(
        _ fisher: [Role: [Float]], _ found: inout LQLoRAFigures
    ) throws {
        let priced = try priced(method(base: LQLoRA.Configuration(bits: 3).form), fisher)
        var budget = 0
        for role in bench.linearRoles {
            let matrix = bench.model.weights.matrix(role)
            let form = LQLoRA.Configuration(bits: 3).form
            budget += 8 * (try form.byteCount(rows: matrix.rows, columns: matrix.columns))
        }
        let problem = AllocationProblem(units: priced.map(\.unit), budget: budget)
        let alike = settings.configurations.indices.map { choice in
            priced.map { _ in choice }
        }.filter { problem.measure($0).size <= budget }
        guard
            let single = alike.min(by: { problem.measure($0).cost < problem.measure($1).cost })
        else { preconditionFailure("a quantizer fits the budget") }
        let best = try ExactAllocator().allocate(problem)
        let choices = context.isControl ? single : best.choices
        found.allocated.append(try divergence(matrices(priced, choices)))
        found.single.append(try divergence(matrices(priced, single)))
        found.allocatedCost.append(problem.measure(choices).cost / problem.measure(single).cost)
        found.gap.append(best.gap)
    }
}

/// What was measured, a value per seed.
struct LQLoRAFigures {
    /// Relative errors of rounding and after each turn.
    var gaussian: [[Double]] = []
    var rounded: [Double] = []
    var split: [Double] = []
    var oneStep: [Double] = []
    var quantizedBits: [Double] = []
    var totalBits: [Double] = []
    var roundedInAll: [Double] = []
    var weighted: [Double] = []
    var unweightedAtTwo: [Double] = []
    var weightedAtTwo: [Double] = []
    var allocated: [Double] = []
    var single: [Double] = []
    var allocatedCost: [Double] = []
    var gap: [Double] = []
}
