import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTensor

/// What parts of a model cost when they are stored otherwise and the rest stays float.
public struct SensitivityMap: Sendable, Hashable, Codable {
    /// What is changed by itself.
    public enum Partition: String, Sendable, Hashable, Codable, CaseIterable {
        /// A matrix.
        case tensor
        /// All matrices of a block; embedding and head each for themselves.
        case layer
        /// Some output channels of a matrix.
        case channels
        /// Some input columns of a matrix.
        case columns
        /// One bit of all codes of a matrix, read as a half where it is 0 or 1.
        case planes

        /// In the plural.
        public var title: String {
            switch self {
            case .tensor: "matrices"
            case .layer: "layers"
            case .channels: "output channels"
            case .columns: "input columns"
            case .planes: "bit planes"
            }
        }

        /// Whether a matrix has several parts.
        public var isWithinMatrices: Bool { [.channels, .columns, .planes].contains(self) }
    }

    /// One way to store a part.
    public struct Choice: Sendable, Hashable, Codable {
        /// How: `uint4 g64`.
        public var name: String
        /// What it costs, in ``SensitivityMap/unit``.
        public var cost: Double
    }

    /// A part.
    public struct Unit: Sendable, Hashable, Codable {
        /// Its matrices.
        public var roles: [Role]
        /// Channels, columns or bits of a matrix; nil for all of it.
        public var range: Range<Int>?
        /// Its elements.
        public var weightCount: Int
        /// The ways.
        public var choices: [Choice]
    }

    /// What is changed by itself.
    public let partition: Partition
    /// What costs count.
    public let unit: CostUnit
    /// The parts, in the order of the model.
    public private(set) var units: [Unit]

    /// The costs of whole matrices.
    public init(_ costs: StorageCosts) {
        partition = .tensor
        unit = costs.unit
        units = costs.units.map { unit in
            Unit(
                roles: [unit.role], range: nil, weightCount: unit.weightCount,
                choices: unit.choices.map {
                    Choice(name: $0.packing.formatName, cost: $0.cost)
                })
        }
    }

    /// Measures parts on a way through the matrices.
    init(
        _ walk: SiteWalk, by partition: Partition, parts: Int, measure: some Sensitivity,
        method: any WeightMethod, packings: (Role, Int) -> [WeightPacking], progress: RunProgress?
    ) throws(CompressionError) {
        self.partition = partition
        unit = measure.unit
        var found: [Unit] = []
        // What waits until all of a block is there.
        var waiting: [(packing: WeightPacking, changes: [WeightChange])] = []
        func finishBlock() throws(CompressionError) {
            guard let first = waiting.first else { return }
            let sites = first.changes.map(\.site)
            var unit = Unit(
                roles: sites.map(\.role), range: nil,
                weightCount: sites.reduce(0) { $0 + $1.original.count }, choices: [])
            for (packing, changes) in waiting {
                unit.choices.append(
                    Choice(name: packing.formatName, cost: try measure.cost(of: changes)))
            }
            found.append(unit)
            waiting = []
        }
        let isWanted = { (slot: ParameterSlot) in !packings(slot.role, slot.shape[1]).isEmpty }
        _ = try walk.each(method, where: isWanted) { site, method throws(CompressionError) in
            let open = waiting.first?.changes.first?.site.role
            if let open, open.block == nil || open.block != site.role.block { try finishBlock() }
            var units: [Unit] = []
            for (place, packing) in packings(site.role, site.matrix.columns).enumerated() {
                let packed = try site.packed(packing, by: method, pool: walk.pool)
                if partition == .layer {
                    if waiting.count == place { waiting.append((packing, [])) }
                    waiting[place].changes.append(WeightChange(site, packed))
                } else {
                    try Self.add(
                        site, packed, Self.slices(of: packed, by: partition, parts), measure, &units
                    )
                }
                progress?.advance(by: site.original.count, note: "\(site.role), \(packing)")
            }
            found += units
        }
        try finishBlock()
        units = found
    }

    /// Adds the costs of a matrix's parts.
    private static func add(
        _ site: WeightSite, _ packed: PackedWeight, _ slices: [WeightChange.Slice],
        _ measure: some Sensitivity, _ units: inout [Unit]
    ) throws(CompressionError) {
        for slice in slices {
            let cost = try measure.cost(of: WeightChange(site, packed, slice))
            let choice = Choice(name: packed.packing.formatName, cost: cost)
            let (range, count) = slice.extent(of: packed)
            if let place = units.firstIndex(where: { $0.range == range }) {
                units[place].choices.append(choice)
            } else {
                units.append(
                    Unit(roles: [site.role], range: range, weightCount: count, choices: [choice]))
            }
        }
    }

    /// The parts of a matrix.
    private static func slices(
        of packed: PackedWeight, by partition: Partition, _ parts: Int
    ) -> [WeightChange.Slice] {
        func ranges(_ count: Int) -> [Range<Int>] {
            let parts = max(1, min(parts, count))
            return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
        }
        switch partition {
        case .tensor, .layer: return [.whole]
        case .channels: return ranges(packed.rows).map { .rows($0) }
        case .columns: return ranges(packed.columns).map { .columns($0) }
        case .planes: return (0..<(packed.codes?.scheme.format.bits ?? 0)).map { .plane($0) }
        }
    }
}

extension WeightChange.Slice {
    /// Which channels, columns or bits, and how many elements.
    fileprivate func extent(of packed: PackedWeight) -> (Range<Int>?, Int) {
        switch self {
        case .whole: (nil, packed.rows * packed.columns)
        case .rows(let range): (range, range.count * packed.columns)
        case .columns(let range): (range, packed.rows * range.count)
        case .plane(let plane): (plane..<plane + 1, packed.rows * packed.columns)
        }
    }
}

extension SensitivityMap.Unit {
    /// What it is: `blocks.3.query`, `block 3`, `head`.
    public var name: String {
        if roles.count > 1, let block = roles[0].block { return "block \(block)" }
        return "\(roles[0])".replacing(".weight", with: "")
    }
}
