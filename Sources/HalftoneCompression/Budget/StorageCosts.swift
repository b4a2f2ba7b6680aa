import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
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
        /// What it alone costs the model, in ``StorageCosts/unit``.
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
        /// What is expected of the errors of its columns; nil where that is not known.
        public var columnErrors: RateDistortionGPTQ.ExpectedErrors?

        /// Whether it is the embedding or the head.
        var isTable: Bool { role.block == nil }
    }

    /// What costs count.
    public let unit: CostUnit

    /// The matrices, in the order of the model.
    public private(set) var units: [Unit]

    /// What errors of embedding and head cost, if that is known.
    public private(set) var tables: [TableInputs]

    /// Measures the matrices of a model, each quantized for the inputs that it has in the float
    /// model.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - packings: The ways to store a matrix of a role with so many columns; none for those that
    ///     stay float.
    ///   - method: Finds codes.
    ///   - measure: What a change costs.
    ///   - tables: What errors of embedding and head count when their codes are found, which are
    ///     rounded to nearest without; by default nothing is known.
    ///   - calibration: What is read.
    ///   - judges: So many sequences at the end of that are not read to find codes: changes are
    ///     judged by them. On text that codes are found for, error compensation looks better than
    ///     it is, and the more so the wider a matrix is.
    ///   - rowStep: Each so manieth row of a matrix stands for all, where that leaves enough and the
    ///     measure allows it: rows are quantized apart, and some hundred of them tell what a matrix
    ///     costs.
    ///   - leastRows: How many are enough.
    ///   - order: How matrices are stored.
    ///   - codingTokens: Tokens that codes will be found on that are to be coded, for
    ///     ``Unit/columnErrors``; by default those of the calibration.
    ///   - numbers: What was measured before with all the same; by default nothing.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix, once for each way.
    /// - Throws: ``CompressionError`` naming the matrix.
    /// - Complexity: A pass over the text, and a quantization for each way.
    public init(
        _ weights: DecoderWeights, packings: (Role, Int) -> [WeightPacking],
        method: any WeightMethod, measure: some Sensitivity, tables: OutputCurvature? = nil,
        calibration: CalibrationText, judges: Int = 0, rowStep: Int = 1, leastRows: Int = 256,
        order: StorageOrder = .automatic, codingTokens: Int? = nil,
        numbers: MeasuredNumbers = MeasuredNumbers(), pool: WorkerPool, progress: RunProgress? = nil
    ) throws(CompressionError) {
        unit = measure.unit
        let walk = SiteWalk(
            weights: weights, calibration: calibration, judges: judges,
            rowStep: measure.needsAllRows ? 1 : rowStep, leastRows: leastRows, tables: tables,
            pool: pool)
        var found: [Role: Unit] = [:]
        let isPacked = { (slot: ParameterSlot) in !packings(slot.role, slot.shape[1]).isEmpty }
        self.tables = try walk.each(method, where: isPacked) {
            site, method throws(CompressionError) in
            let (rows, columns) = (weights.matrix(site.role).rows, site.matrix.columns)
            var unit = Unit(role: site.role, weightCount: rows * columns, choices: [])
            unit.columnErrors = method.columnErrors.map {
                RateDistortionGPTQ.ExpectedErrors(
                    $0, tokens: site.inputs?.tokenCount ?? 1, readingLater: codingTokens)
            }
            for (place, packing) in packings(site.role, columns).enumerated() {
                let cost = try numbers.number("\(site.role) \(place)") {
                    () throws(CompressionError) in
                    try measure.cost(
                        of: WeightChange(site, site.packed(packing, by: method, pool: pool)))
                }
                unit.choices.append(
                    Choice(
                        packing: packing, cost: cost,
                        byteCount: packing.byteCount(order, rows: rows, columns: columns)))
                progress?.advance(by: unit.weightCount, note: "\(site.role), \(packing)")
            }
            found[site.role] = unit
        }
        units = weights.spec.slots.compactMap { found[$0.role] }
    }
}

extension StorageCosts {
    /// What codes that were found for a text tell of others, too.
    struct Lessons: Codable {
        /// What errors of columns do.
        var columnErrors: [Role: RateDistortionGPTQ.ExpectedErrors]
        /// What errors of tables cost, by more text than costs were measured on; none where that is not
        /// known.
        var tables: [TableInputs]
    }

    /// The same with what was learned of it.
    func knowing(_ lessons: Lessons) -> StorageCosts {
        var known = self
        if !lessons.tables.isEmpty { known.tables = lessons.tables }
        for place in units.indices {
            known.units[place].columnErrors =
                units[place].columnErrors ?? lessons.columnErrors[units[place].role]
        }
        return known
    }

    /// Costs that were measured before.
    init(_ unit: CostUnit, _ units: [Unit], _ tables: [TableInputs]) {
        (self.unit, self.units, self.tables) = (unit, units, tables)
    }

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
    /// - Throws: `AllocationError.infeasible` below ``byteRange`` or the least time, and
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
        return uniformPlaces.filter(problem.fits).map { plan($0, problem, gap: 0) }
            .min { $0.cost < $1.cost }
    }

    /// The smallest plan of that kind; nil where there is no way that all have.
    var leastUniformPlan: StoragePlan? { uniformPlans.min { $0.byteCount < $1.byteCount } }

    /// All of them.
    var uniformPlans: [StoragePlan] {
        let problem = problem(.max)
        return uniformPlaces.map { plan($0, problem, gap: 0) }
    }

    /// The choices of such plans.
    private var uniformPlaces: [[Int]] {
        func packings(_ isTable: Bool) -> [WeightPacking] {
            units.first { $0.isTable == isTable }?.choices.map(\.packing) ?? []
        }
        let tables = packings(true)
        return packings(false).flatMap { body in
            (tables.isEmpty ? [body] : tables).compactMap { table in
                let places = units.compactMap { unit in
                    unit.choices.firstIndex {
                        $0.packing == (unit.isTable ? table : body)
                    }
                }
                return places.count == units.count ? places : nil
            }
        }
    }

    /// A plan with what it leaves of a number of bytes, and of a time, spent where that is worth most;
    /// the plan itself if it leaves nothing.
    ///
    /// - Throws: `AllocationError` as ``plan(byteCount:within:by:)``.
    public func filled(
        _ plan: StoragePlan, byteCount: Int, within time: TimeLimit? = nil
    ) throws(AllocationError) -> StoragePlan {
        let start = places(of: plan)
        guard problem(byteCount, time).fits(start) else { return plan }
        return try self.plan(
            byteCount: byteCount, within: time, by: GreedyAllocator(from: start))
    }

    /// Where the choices of a plan stand among those of each matrix.
    func places(of plan: StoragePlan) -> [Int] {
        units.map { unit in
            unit.choices.firstIndex { $0.packing == plan.packings[unit.role] } ?? 0
        }
    }

    /// The least and the most bytes that the matrices can take.
    public var byteRange: ClosedRange<Int> { problem(0).sizeRange }

    /// The fewest bytes with which a token keeps its time.
    ///
    /// - Throws: `AllocationError.infeasible` for a time that no plan keeps.
    public func leastByteCount(within time: TimeLimit) throws(AllocationError) -> Int {
        try least(0, beside: 1, atMost: time.nanoseconds, time.times)
    }

    /// The least nanoseconds of a token within a number of bytes.
    ///
    /// - Throws: `AllocationError.infeasible` below ``byteRange``.
    public func leastNanoseconds(
        byteCount: Int, _ times: TokenTimes
    ) throws(AllocationError) -> Int {
        try least(1, beside: 0, atMost: byteCount, times)
    }

    /// The least of one size, bytes or nanoseconds, with at most so much of the other.
    private func least(
        _ wanted: Int, beside other: Int, atMost limit: Int, _ times: TokenTimes
    ) throws(AllocationError) -> Int {
        var problem = problem(limit, TimeLimit(times, nanoseconds: limit))
        for place in problem.units.indices {
            problem.units[place].choices = problem.units[place].choices.map {
                AllocationChoice($0.name, cost: Double($0.sizes[wanted]), size: $0.sizes[other])
            }
        }
        problem.budgets = [limit]
        return Int(try ExactAllocator(stateLimit: 1 << 10).allocate(problem).cost)
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

    func plan(
        _ places: [Int], _ problem: AllocationProblem, gap: Double
    ) -> StoragePlan {
        let (cost, size) = problem.measure(places)
        return StoragePlan(
            packings: Dictionary(
                uniqueKeysWithValues: zip(units, places).map { ($0.role, $0.choices[$1].packing) }),
            byteCount: size, cost: cost, gap: gap)
    }

    func problem(_ byteCount: Int, _ time: TimeLimit? = nil) -> AllocationProblem {
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
public struct StoragePlan: Sendable, Hashable, Codable {
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
