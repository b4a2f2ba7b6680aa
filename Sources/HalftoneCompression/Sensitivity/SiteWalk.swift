import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// A way through the matrices of a float model, each with what it reads: those of the blocks in the
/// order of computation, then embedding and head.
struct SiteWalk {
    var weights: DecoderWeights
    var calibration: CalibrationText
    /// So many sequences at the end are judged by and not read to find codes; with 0 all are both.
    var judges: Int
    /// Each so manieth row stands for all, where that leaves enough.
    var rowStep: Int
    var leastRows: Int
    /// What errors of tables count when their codes are found.
    var tables: OutputCurvature?
    var pool: WorkerPool

    /// A matrix, and how its codes are found.
    typealias Body = (WeightSite, any WeightMethod) throws(CompressionError) -> Void

    /// Goes through all matrices that are wanted.
    ///
    /// - Returns: What errors of the tables cost.
    func each(
        _ method: any WeightMethod, where isWanted: (ParameterSlot) -> Bool, _ body: Body
    ) throws(CompressionError) -> [TableInputs] {
        let count = calibration.sequences.count
        precondition(rowStep >= 1 && leastRows >= 1, "there are rows")
        precondition(judges >= 0 && judges < count, "there is something to find codes on")
        let wanted = Set(
            weights.spec.slots.filter { $0.role.isPackable && isWanted($0) }.map(\.role))
        let pass = try CalibrationPass(weights, calibration, detail: .gram, pool: pool)
        // Of what codes are found on, what the method wants to know; then second moments to judge by.
        var parts = [CalibrationPass.Part(end: count, detail: .gram)]
        if judges > 0 {
            let found = CalibrationPass.Part(end: count - judges, detail: method.inputDetail)
            parts.insert(found, at: 0)
        }
        for index in weights.spec.blocks.indices {
            try pass.nextBlock(in: parts) {
                stage, roles, read throws(CompressionError) in
                let roles = roles.filter(wanted.contains)
                guard !roles.isEmpty else { return [:] }
                let ready = try prepared(method, for: read[0], "block \(index), \(stage)")
                let inputs = method.inputDetail > .none ? read[0] : nil
                let moments = read[read.count - 1].secondMoments()
                for role in roles {
                    try body(site(role, inputs: inputs, moments: moments), ready)
                }
                return [:]
            }
        }
        let final = pass.finalInputs()
        var found: [TableInputs] = []
        for role in [Role(.embedding), Role(.head)] where wanted.contains(role) {
            let site = table(role, reading: final)
            guard let table = inputs(of: site, reading: final) else {
                try body(site, RoundToNearest())
                continue
            }
            found.append(table)
            let inputs = table.statistics
            try body(site.reading(inputs), prepared(method, for: inputs, "\(role)"))
        }
        return found
    }

    /// What errors of tables cost where the head reads this.
    func inputs(of roles: [Role], reading final: InputStatistics) -> [TableInputs] {
        roles.compactMap { inputs(of: table($0, reading: final), reading: final) }
    }

    private func inputs(of table: WeightSite, reading final: InputStatistics) -> TableInputs? {
        tables.map {
            TableInputs(table.role, $0.rowMoments(table), tokenCount: max(final.tokenCount, 1))
        }
    }

    private func table(_ role: Role, reading final: InputStatistics) -> WeightSite {
        let isHead = role.part == .head || weights.spec.isHeadTied
        return site(role, inputs: nil, moments: isHead ? final.secondMoments() : nil)
    }

    private func prepared(
        _ method: any WeightMethod, for inputs: InputStatistics, _ name: String
    ) throws(CompressionError) -> any WeightMethod {
        do throws(QuantizationError) {
            return try method.prepared(for: inputs, pool: pool)
        } catch {
            throw .cannotQuantize(matrix: name, reason: error.description)
        }
    }

    private func site(_ role: Role, inputs: InputStatistics?, moments: Tensor?) -> WeightSite {
        let matrix = weights.matrix(role)
        return WeightSite(
            role, matrix, rowStep: max(1, min(rowStep, matrix.rows / leastRows)), inputs: inputs,
            moments: moments, counts: role.part == .embedding ? counts(matrix.rows) : nil)
    }

    /// How often each token occurs; one that the text does not have counts as one that it has once in
    /// twice its length.
    private func counts(_ size: Int) -> [Float] {
        var counts = [Float](repeating: 0.5, count: size)
        for sequence in calibration.sequences { for token in sequence { counts[Int(token)] += 1 } }
        return counts
    }
}

extension WeightSite {
    /// The matrix packed by a method.
    func packed(
        _ packing: WeightPacking, by method: any WeightMethod, pool: WorkerPool
    ) throws(CompressionError) -> PackedWeight {
        do throws(QuantizationError) {
            return try method.packed(matrix, as: packing, inputs: inputs, pool: pool)
        } catch {
            throw .cannotQuantize(matrix: "\(role)", reason: error.description)
        }
    }
}

extension InputStatistics {
    /// The mean of `x·xᵀ` over tokens, `[width, width]`.
    fileprivate func secondMoments() -> Tensor {
        guard let gram else { preconditionFailure("the statistics have second moments") }
        return Tensor(shape: [width, width], elements: gram.symmetric())
            * (1 / Float(max(tokenCount, 1)))
    }
}
