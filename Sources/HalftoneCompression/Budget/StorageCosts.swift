import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTensor

/// What each way to store each matrix of a model costs its predictions, and how many bytes it takes.
public struct StorageCosts: Sendable, Codable {
    /// One way to store one matrix.
    public struct Choice: Sendable, Hashable, Codable {
        /// How.
        public var packing: WeightPacking
        /// The divergence from the float model that it alone is expected to cause, in nats per
        /// token; with ``StorageCosts/Measure/error``, which has no such unit, the change of the
        /// output as a share of it.
        public var cost: Double
        /// Bytes in the file, scales and what fills up panels included.
        public var byteCount: Int
    }

    /// A matrix and the ways to store it.
    public struct Unit: Sendable, Hashable, Codable {
        /// The matrix.
        public var role: Role
        /// Its elements.
        public var weightCount: Int
        /// The ways.
        public var choices: [Choice]
    }

    /// How costs are found, the matrix quantized for the inputs that it has in the float model.
    public enum Measure: Sendable {
        /// The change of each output by what it costs the predictions.
        case curvature(OutputCurvature)
        /// The change of all outputs as a share of what they are: knows nothing of what follows.
        case error
    }

    /// The matrices, in the order of the model.
    public private(set) var units: [Unit] = []

    /// What errors of embedding and head cost; none with ``Measure/error``.
    public private(set) var tables: [TableInputs] = []

    /// Measures the matrices of a model.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - packings: The ways to store a matrix of a role with so many columns; none for those that
    ///     stay float.
    ///   - method: Finds codes.
    ///   - measure: How a change of outputs counts.
    ///   - calibration: What is read.
    ///   - judges: So many sequences at the end of that are not read to find codes: changes are
    ///     judged by them. On text that codes are found for, error compensation looks better than
    ///     it is, and the more so the wider a matrix is.
    ///   - rowStep: Each so manieth row of a matrix stands for all, where that leaves enough: rows
    ///     are quantized apart, and some hundred of them tell what a matrix costs.
    ///   - leastRows: How many are enough.
    ///   - order: How matrices are stored.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix, once for each way.
    /// - Throws: ``CompressionError`` naming the matrix.
    /// - Complexity: A pass over the text, and a quantization for each way.
    public init(
        _ weights: DecoderWeights, packings: (Role, Int) -> [WeightPacking],
        method: any WeightMethod,
        measure: Measure, calibration: CalibrationText, judges: Int = 0, rowStep: Int = 1,
        leastRows: Int = 256,
        order: StorageOrder = .automatic, pool: WorkerPool, progress: RunProgress? = nil
    ) throws(CompressionError) {
        let count = calibration.sequences.count
        precondition(rowStep >= 1 && leastRows >= 1, "there are rows")
        precondition(judges >= 0 && judges < count, "there is something to find codes on")
        var found: [Role: Unit] = [:]
        func step(_ role: Role) -> Int {
            max(1, min(rowStep, weights.matrix(role).rows / leastRows))
        }
        func note(
            _ role: Role, _ change: OutputChange, _ method: any WeightMethod,
            _ inputs: InputStatistics?
        ) throws(CompressionError) {
            let matrix = weights.matrix(role)
            let sample = matrix.sampled(step(role))
            var unit = Unit(role: role, weightCount: matrix.rows * matrix.columns, choices: [])
            for packing in packings(role, matrix.columns) {
                do throws(QuantizationError) {
                    let packed = try method.packed(
                        sample, as: packing, inputs: inputs, pool: pool)
                    unit.choices.append(
                        Choice(
                            packing: packing, cost: change.cost(of: packed),
                            byteCount: packing.byteCount(
                                order, rows: matrix.rows, columns: matrix.columns)))
                } catch {
                    throw .cannotQuantize(matrix: "\(role)", reason: error.description)
                }
                progress?.advance(by: unit.weightCount, note: "\(role), \(packing)")
            }
            if !unit.choices.isEmpty { found[role] = unit }
        }
        let pass = try CalibrationPass(weights, calibration, detail: .gram, pool: pool)
        for index in weights.spec.blocks.indices {
            try pass.nextBlock(splitAt: [count - judges, count]) {
                stage, roles, parts throws(CompressionError) in
                let inputs = parts[0]
                let ready: any WeightMethod
                do throws(QuantizationError) {
                    ready = try method.prepared(for: inputs, pool: pool)
                } catch {
                    throw .cannotQuantize(
                        matrix: "block \(index), \(stage)", reason: error.description)
                }
                let moments = (judges > 0 ? parts[1] : inputs).secondMoments()
                for role in roles {
                    try note(
                        role,
                        OutputChange(
                            weights.matrix(role), moments, measure, role, rowStep: step(role)),
                        ready, inputs)
                }
                return [:]
            }
        }
        let moments = pass.finalInputs().secondMoments()
        for slot in weights.spec.slots where slot.role.block == nil && slot.role.isPackable {
            guard !packings(slot.role, slot.shape[1]).isEmpty else { continue }
            let change = OutputChange(
                table: slot.role, of: weights, moments, measure, calibration,
                rowStep: step(slot.role))
            guard case .curvature = measure else {
                try note(slot.role, change, RoundToNearest(), nil)
                continue
            }
            let table = TableInputs(slot.role, change.rowMoments)
            tables.append(table)
            try note(slot.role, change, method, table.statistics)
        }
        units = weights.spec.slots.compactMap { found[$0.role] }
    }
}

extension StorageCosts {
    /// How long a token may take.
    public struct TimeLimit: Sendable {
        /// What matrices add to it.
        public var times: TokenTimes
        /// The most.
        public var nanoseconds: Int

        /// States a limit.
        public init(_ times: TokenTimes, nanoseconds: Int) {
            self.times = times
            self.nanoseconds = nanoseconds
        }
    }

    /// The choices within a number of bytes that are expected to cost least together.
    ///
    /// - Parameters:
    ///   - byteCount: What all matrices may take.
    ///   - time: How long a token may take besides; nil for as long as it likes.
    ///   - allocator: Chooses.
    /// - Throws: `AllocationError.infeasible` below ``byteRange`` or ``timeRange(_:)``, and
    ///   `AllocationError.conflicting` where bytes and time cannot be kept at once.
    public func plan(
        byteCount: Int, within time: TimeLimit? = nil,
        by allocator: any Allocator = ExactAllocator()
    ) throws(AllocationError) -> StoragePlan {
        let problem = problem(byteCount, time)
        let found = try allocator.allocate(problem)
        return plan(found.choices, problem, gap: found.gap)
    }

    /// The best plan within a number of bytes, and a time, that stores all matrices of the blocks
    /// alike, and embedding and head alike; nil when none fits.
    public func uniformPlan(byteCount: Int, within time: TimeLimit? = nil) -> StoragePlan? {
        let problem = problem(byteCount, time)
        func packings(_ isTable: Bool) -> [WeightPacking] {
            units.first { ($0.role.block == nil) == isTable }?.choices.map(\.packing) ?? []
        }
        let tables = packings(true)
        var best: StoragePlan?
        for body in packings(false) {
            for table in tables.isEmpty ? [body] : tables {
                let places = units.compactMap { unit in
                    unit.choices.firstIndex {
                        $0.packing == (unit.role.block == nil ? table : body)
                    }
                }
                guard places.count == units.count else { continue }
                guard zip(problem.sizes(places), problem.budgets).allSatisfy({ $0 <= $1 }) else {
                    continue
                }
                let plan = plan(places, problem, gap: 0)
                if plan.cost < best?.cost ?? .infinity { best = plan }
            }
        }
        return best
    }

    /// The least and the most bytes that the matrices can take.
    public var byteRange: ClosedRange<Int> { problem(0).sizeRange }

    /// The least and the most nanoseconds that a token can take.
    public func timeRange(_ times: TokenTimes) -> ClosedRange<Int> {
        problem(0, TimeLimit(times, nanoseconds: 0)).sizeRange(of: 1)
    }

    /// The nanoseconds of a token with a plan's matrices.
    public func nanoseconds(_ plan: StoragePlan, _ times: TokenTimes) -> Int {
        units.reduce(0) { sum, unit in
            let packing = plan.packings[unit.role]
            return sum
                + (packing.map {
                    times.nanoseconds(of: unit.role, weightCount: unit.weightCount, as: $0)
                } ?? 0)
        }
    }

    /// Elements of all matrices.
    public var weightCount: Int { units.reduce(0) { $0 + $1.weightCount } }

    private func plan(
        _ places: [Int], _ problem: AllocationProblem, gap: Double
    ) -> StoragePlan {
        let (cost, size) = problem.measure(places)
        return StoragePlan(
            packings: Dictionary(
                uniqueKeysWithValues: zip(units, places).map { ($0.role, $0.choices[$1].packing) }),
            byteCount: size, cost: cost, gap: gap)
    }

    private func problem(_ byteCount: Int, _ time: TimeLimit? = nil) -> AllocationProblem {
        AllocationProblem(
            units: units.map { unit in
                AllocationUnit(
                    "\(unit.role)",
                    choices: unit.choices.map { choice in
                        let takes = time?.times.nanoseconds(
                            of: unit.role, weightCount: unit.weightCount, as: choice.packing)
                        return AllocationChoice(
                            "\(choice.packing)", cost: choice.cost,
                            sizes: [choice.byteCount] + (takes.map { [$0] } ?? []))
                    })
            }, budgets: [byteCount] + (time.map { [$0.nanoseconds] } ?? []))
    }
}

/// How each matrix is to be stored.
public struct StoragePlan: Sendable, Hashable {
    /// The choice of each matrix.
    public var packings: [Role: WeightPacking]
    /// Bytes of all of them.
    public var byteCount: Int
    /// What they are expected to cost together.
    public var cost: Double
    /// By how much, as a share, a better choice could cost less at most.
    public var gap: Double

    /// The recipe that stores them so, and leaves tables that the plan does not have float.
    ///
    /// A plan has all layers of the blocks.
    public var recipe: CompressionRecipe {
        var recipe = CompressionRecipe(bits: 8)
        recipe.embedding = nil
        recipe.overrides = packings
        return recipe
    }
}

/// How much a quantized matrix changes what a layer gives, and what a table gives to both ends.
private struct OutputChange {
    let original: Tensor
    /// Of the inputs; nil where nothing is multiplied.
    let moments: Tensor?
    /// What the squared change of each output counts.
    let weights: Tensor
    /// What the squared change of each element counts that is looked up: by row, and by column.
    var lookup: (rows: Tensor, columns: Tensor)?

    func cost(of packed: PackedWeight) -> Double {
        let change = original - packed.dequantized()
        var cost = 0.0
        if let moments { cost += Double((Self.squares(change, moments) * weights).sum().item) }
        if let lookup {
            let rows = (change.squared() * lookup.columns).sum(axes: [1])
            cost += Double((rows * lookup.rows).sum().item)
        }
        return cost
    }

    /// What changes of a row count, as second moments: the same for all rows, since both the head's
    /// share and that of lookups go with how often a token occurs.
    var rowMoments: GramSum {
        let width = original.shape[1]
        var sum = (moments.map { $0 * weights.sum() } ?? .zeros([width, width])).elements.map(
            \.self)
        if let lookup {
            let diagonal = lookup.columns * lookup.rows.sum()
            for (column, value) in diagonal.elements.enumerated() {
                sum[column * width + column] += value
            }
        }
        return GramSum(width: width, elements: FloatArray(sum))
    }

    /// The mean square of each output of a matrix: the diagonal of `D·M·Dᵀ`.
    private static func squares(_ matrix: Tensor, _ moments: Tensor) -> Tensor {
        (matrix.matmul(moments) * matrix).sum(axes: [1])
    }
}

extension OutputChange {
    /// For a layer of a block.
    init(
        _ matrix: any WeightMatrix, _ moments: Tensor, _ measure: StorageCosts.Measure,
        _ role: Role, rowStep: Int
    ) {
        let original = matrix.sampled(rowStep).tensor
        let weights: Tensor
        switch measure {
        case .curvature(let curvature):
            let counts = curvature.outputs[role] ?? []
            precondition(counts.count == matrix.rows, "the curvature is of the same model")
            weights = Self.sample(counts, rowStep) * 0.5
        case .error:
            let size = Self.squares(original, moments).sum().item
            weights = .filled([original.shape[0]], with: size > 0 ? 1 / size : 0)
        }
        self.init(original: original, moments: moments, weights: weights)
    }

    /// For the embedding, which is looked up and may be the head, or for a head of its own.
    init(
        table role: Role, of model: DecoderWeights, _ moments: Tensor,
        _ measure: StorageCosts.Measure, _ text: CalibrationText, rowStep: Int
    ) {
        let matrix = model.matrix(role)
        guard case .curvature(let curvature) = measure else {
            self.init(matrix, moments, .error, role, rowStep: rowStep)
            return
        }
        let isHead = role.part == .head || model.spec.isHeadTied
        self.init(
            original: matrix.sampled(rowStep).tensor, moments: isHead ? moments : nil,
            weights: Self.sample(curvature.outputs[Role(.head)] ?? [], rowStep) * 0.5)
        guard role.part == .embedding else { return }
        // A token that the text does not have counts as one that it has once in twice its length.
        var counts = [Float](repeating: 0.5, count: matrix.rows)
        for sequence in text.sequences { for token in sequence { counts[Int(token)] += 1 } }
        let all = counts.reduce(0, +)
        lookup = (
            Self.sample(counts, rowStep) * (1 / all),
            Tensor(shape: [matrix.columns], elements: curvature.embedding) * 0.5
        )
    }

    /// What stands for the numbers of all rows: those of the rows that were taken, scaled up to the
    /// sum of all.
    private static func sample(_ numbers: [Float], _ rowStep: Int) -> Tensor {
        guard rowStep > 1 else { return Tensor(shape: [numbers.count], elements: numbers) }
        let taken = stride(from: 0, to: numbers.count, by: rowStep).map { numbers[$0] }
        let (all, some) = (numbers.reduce(0, +), taken.reduce(0, +))
        return Tensor(shape: [taken.count], elements: taken) * (some > 0 ? all / some : 1)
    }
}

extension WeightMatrix {
    /// Each so manieth row.
    fileprivate func sampled(_ rowStep: Int) -> any WeightMatrix {
        rowStep == 1 ? self : gatheringRows(Array(stride(from: 0, to: rows, by: rowStep)))
    }

    fileprivate var tensor: Tensor { Tensor(shape: [rows, columns], elements: decoded()) }
}

extension InputStatistics {
    /// The mean of `x·xᵀ` over tokens, `[width, width]`.
    fileprivate func secondMoments() -> Tensor {
        guard let gram else { preconditionFailure("the statistics have second moments") }
        return Tensor(shape: [width, width], elements: gram.symmetric())
            * (1 / Float(max(tokenCount, 1)))
    }
}
