import Foundation
import HalftoneAllocation
import HalftoneQuantization

extension BudgetedCompression {
    /// Divergence against bytes, as candidates of a kind would have it.
    public struct Curve: Sendable, Codable, Equatable {
        /// How bits are chosen.
        public var kind: Candidate.Kind
        /// By bytes, the fewest first.
        public var points: [Point]

        /// A size that was not tried.
        public struct Point: Sendable, Codable, Equatable {
            /// Bytes of the packed matrices.
            public var packedBytes: Int
            /// Nats per token.
            public var divergence: Double
        }
    }

    /// What sizes around that of an outcome would lose, without trying them.
    ///
    /// Costs foretell better by how much a loss changes with bytes than what it is, so that each curve goes
    /// through what was measured of a candidate of its kind. Coded codes lose in proportion to their
    /// `RateDistortionGPTQ.distortion`: SmolLM2-135M loses 1.8 times as much in 55.5 MB as in 62.4 MB, and 0.67
    /// times as much in 67.8 MB, where 1.77 and 0.64 follow.
    ///
    /// - Parameter outcome: Of this job.
    /// - Returns: Layers alike, and bits as they were allocated or coded; none where costs are no divergences.
    /// - Complexity: Some tenths of a second for each size of coded codes.
    public func curves(of outcome: Outcome) -> [Curve] {
        let costs = outcome.measuredCosts
        guard costs.unit == .divergence else { return [] }
        let size = Double(outcome.plan.byteCount)
        let range = Int(0.75 * size)...Int(1.33 * size)
        var curves = [Curve(.uniform, costs.uniformPlans(range))]
        if outcome.order == .coded, let curvature = outcome.curvature {
            let rates = CodedRates(self, curvature, costs)
            let chosen = rates.search(outcome.plan.byteCount).next()
            curves.append(
                Curve(
                    .coded,
                    stride(from: 1.0, through: -1.0, by: -0.25).compactMap { step in
                        let distortion = chosen * pow(4, step)
                        return rates.bytes(distortion).map {
                            Curve.Point(packedBytes: $0, divergence: distortion)
                        }
                    }))
        } else {
            let allocator = ExactAllocator(stateLimit: 1 << 10)
            let sizes = range.clamped(to: costs.byteRange)
            let steps = stride(from: 0, through: 16, by: 1).map { step in
                sizes.lowerBound + (sizes.upperBound - sizes.lowerBound) * step / 16
            }
            curves.append(
                Curve(
                    .allocated,
                    steps.compactMap { try? costs.plan(byteCount: $0, by: allocator) }))
        }
        return curves.compactMap { $0.through(outcome.candidates) }
    }
}

extension BudgetedCompression.Curve {
    init(_ kind: BudgetedCompression.Candidate.Kind, _ points: [Point]) {
        (self.kind, self.points) = (kind, points)
    }

    init(_ kind: BudgetedCompression.Candidate.Kind, _ plans: [StoragePlan]) {
        self.init(
            kind,
            plans.sorted { $0.byteCount < $1.byteCount }
                .map { Point(packedBytes: $0.byteCount, divergence: $0.cost) })
    }

    /// The same times what makes it go through a candidate of its kind; nil where there is none, or no curve.
    func through(_ candidates: [BudgetedCompression.Candidate]) -> Self? {
        let positive = points.filter { $0.divergence > 0 && $0.packedBytes > 0 }
        guard positive.count > 1, let known = candidates.last(where: { $0.kind == kind }),
            let above = positive.firstIndex(where: { $0.packedBytes >= known.packedBytes })
        else { return nil }
        let (one, other) = (positive[max(above - 1, 0)], positive[above])
        let width = Double(other.packedBytes - one.packedBytes)
        let share = width > 0 ? Double(known.packedBytes - one.packedBytes) / width : 0
        let foretold =
            one.divergence * pow(other.divergence / one.divergence, min(max(share, 0), 1))
        var moved = self
        moved.points = positive.map {
            Point(
                packedBytes: $0.packedBytes,
                divergence: $0.divergence * known.divergence / foretold)
        }
        return moved
    }
}

extension StorageCosts {
    /// Plans that store layers alike in a number of bytes, without those that lose no less than smaller ones.
    fileprivate func uniformPlans(_ range: ClosedRange<Int>) -> [StoragePlan] {
        let plans = uniformPlans.filter { range.contains($0.byteCount) }
        return plans.filter { plan in
            !plans.contains { $0.byteCount < plan.byteCount && $0.cost <= plan.cost }
        }
    }
}
