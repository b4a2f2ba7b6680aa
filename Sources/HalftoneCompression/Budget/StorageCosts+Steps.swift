import Foundation
import HalftoneModels
import HalftoneRuns

extension StorageCosts {
    /// A matrix as a plan stores it, and the best way to store it in fewer bytes.
    public struct Step: Sendable, Hashable {
        /// The matrix.
        public var role: Role
        /// What the plan chose.
        public var chosen: Choice
        /// What costs least of all that takes fewer bytes.
        public var smaller: Choice

        /// What the step adds to the cost.
        public var addedCost: Double { smaller.cost - chosen.cost }
        /// The bytes that it saves.
        public var savedBytes: Int { chosen.byteCount - smaller.byteCount }
    }

    /// The divergence that a plan is expected to cause, if costs have that unit.
    func foretold(_ plan: StoragePlan) -> Double? { unit == .divergence ? plan.cost : nil }

    /// What a plan chose for each matrix.
    public func choices(of plan: StoragePlan) -> [Role: Choice] {
        var found: [Role: Choice] = [:]
        for unit in units {
            found[unit.role] = unit.choices.first { $0.packing == plan.packings[unit.role] }
        }
        return found
    }

    /// What fewer bytes for each matrix would cost, the most first; matrices that have the least
    /// bytes already are left out.
    public func steps(below plan: StoragePlan) -> [Step] {
        let chosen = choices(of: plan)
        return units.compactMap { unit -> Step? in
            guard let choice = chosen[unit.role],
                let smaller = unit.best(below: choice)
            else { return nil }
            return Step(role: unit.role, chosen: choice, smaller: smaller)
        }.sorted { $0.addedCost > $1.addedCost }
    }

    /// The SHA-256 of all costs.
    func digest() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return SHA256.hexadecimal(of: Array(try encoder.encode(self)))
    }
}

extension StorageCosts.Unit {
    /// What costs least of all that takes fewer bytes than a choice.
    func best(below choice: StorageCosts.Choice) -> StorageCosts.Choice? {
        choices.filter { $0.byteCount < choice.byteCount }.min { $0.cost < $1.cost }
    }
}
