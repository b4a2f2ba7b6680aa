import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import Synchronization

/// What matrices take whose codes are coded, about, by the number that rules their steps: tables by the same
/// as layers, or as many bytes as a width has that was asked for.
struct CodedRates {
    /// What a squared change of each output costs.
    let worth: [Role: [Float]]

    /// What tables take whatever layers do; nil where they take what they are worth.
    private(set) var tableByteCount: Int?

    /// Whether the finest steps of tables take fewer than was asked for.
    private var areTablesFinest = false

    /// The matrices that one number rules.
    private let ruled: [StorageCosts.Unit]

    /// The tables where they are not among those.
    private let tables: [StorageCosts.Unit]

    private let job: BudgetedCompression

    init(_ job: BudgetedCompression, _ curvature: OutputCurvature, _ costs: StorageCosts) {
        self.job = job
        var worth: [Role: [Float]] = [:]
        for unit in costs.units {
            worth[unit.role] = curvature.outputs[unit.isTable ? Role(.head) : unit.role].map {
                CodedSearch.worth($0, isTable: unit.isTable)
            }
        }
        self.worth = worth
        let asked = job.settings.tableByteCount(of: job.model.spec)
        tables = asked == nil ? [] : costs.units.filter(\.isTable)
        ruled = asked == nil ? costs.units : costs.units.filter { !$0.isTable }
        tableByteCount = asked
        if let asked, let most = bytes(of: tables, 1e-30), most < asked {
            (areTablesFinest, tableByteCount) = (true, most)
        }
    }

    /// The way to layers, and tables where they are worth the same, that take what a number of bytes leaves
    /// for them.
    func search(_ byteCount: Int) -> CodedSearch {
        search(ruled, ruledBytes(of: byteCount))
    }

    /// The way to tables that take what they are to take; nil where that is what they are worth.
    var tableSearch: CodedSearch? { tableByteCount.map { search(tables, $0) } }

    /// Notes what tables take, where that is all that they can.
    mutating func note(tables byteCount: Int) {
        if areTablesFinest { tableByteCount = byteCount }
    }

    /// What is left of a number of bytes for what one number rules.
    func ruledBytes(of byteCount: Int) -> Int { byteCount - (tableByteCount ?? 0) }

    /// What matrices take that one number rules, and those that have a number of their own.
    func parts(of sizes: CodedSizes) -> (ruled: Int, others: Int) {
        let others = tables.reduce(0) { $0 + (sizes.matrices[$1.role] ?? 0) }
        return (sizes.packed - others, others)
    }

    /// What outputs count for codes that one method finds, with steps of tables as if they counted so much
    /// more.
    func worth(ofTables factor: Double) -> [Role: [Float]] {
        var scaled = worth
        for table in tables { scaled[table.role] = worth[table.role]?.map { $0 * Float(factor) } }
        return scaled
    }

    /// About what all matrices take; nil where it is not known what errors of their columns do.
    func bytes(_ distortion: Double) -> Int? {
        bytes(of: ruled, distortion).map { $0 + (tableByteCount ?? 0) }
    }

    private func search(_ units: [StorageCosts.Unit], _ byteCount: Int) -> CodedSearch {
        CodedSearch(byteCount: byteCount, weightCount: units.reduce(0) { $0 + $1.weightCount }) {
            bytes(of: units, $0)
        }
    }

    /// About what some matrices take, without finding their codes.
    private func bytes(of units: [StorageCosts.Unit], _ distortion: Double) -> Int? {
        guard units.allSatisfy({ $0.columnErrors != nil }) else { return nil }
        let method = RateDistortionGPTQ(distortion: distortion)
        let bits = Mutex([Double](repeating: 0, count: units.count))
        job.pool.run(parts: units.count) { place in
            guard let errors = units[place].columnErrors else { return }
            let matrix = job.model.weights.matrix(units[place].role)
            let codes = method.expectedBits(
                of: matrix, errors: errors, worth: worth[units[place].role],
                scheme: CodedSearch.scheme, sample: max(64, matrix.rows / 64))
            // A row has a scale of 16 bits.
            bits.withLock { $0[place] = codes + Double(16 * matrix.rows) }
        }
        return Int(bits.withLock { $0.reduce(0, +) } / 8)
    }
}
