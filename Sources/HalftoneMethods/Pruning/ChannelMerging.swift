import HalftoneTensor

/// A network on its way to fewer channels.
struct ChannelMerging {
    private let groups: [ChannelGroup]
    private var parameters: ChannelParameters
    private var members: [[[Int]]]
    private var merges: [MergedChannels.Merge] = []
    private let quartiles: [[Double]]
    /// Channels with less than this sum of squares are dead.
    private let deadLimits: [Double]
    /// The distances of each group.
    private(set) var distances: [ChannelDistances]
    /// Whether each channel of each group is left.
    private(set) var alive: [[Bool]]

    /// A channel is dead when its squares are this share of the largest channel's.
    private static let deadShare = 1e-6

    init(_ values: [String: Tensor], _ groups: [ChannelGroup]) throws(ChannelError) {
        try Self.check(values, groups)
        let parameters = ChannelParameters(values)
        let distances = groups.map { ChannelDistances($0, parameters) }
        self.groups = groups
        self.parameters = parameters
        self.distances = distances
        alive = groups.map { [Bool](repeating: true, count: $0.count) }
        members = groups.map { (0..<$0.count).map { [$0] } }
        quartiles = distances.map { distances in
            let sorted = distances.sorted
            guard !sorted.isEmpty else { return [] }
            return (0...4).map { sorted[$0 * (sorted.count - 1) / 4] }
        }
        deadLimits = zip(groups, distances).map { group, distances in
            let squares = (0..<group.count).map { distances.squares($0, parameters) }
            return Self.deadShare * (squares.max() ?? 0)
        }
    }

    /// How many merges a group had.
    func merges(_ index: Int) -> Int { alive[index].count { !$0 } }

    /// Merges two channels of a group, and brings all distances up to date.
    mutating func merge(
        _ index: Int, _ kept: Int, _ gone: Int, _ rule: IterativeFeatureMerging.Rule
    ) {
        let group = groups[index]
        let dead = [kept, gone].contains {
            distances[index].squares($0, parameters) <= deadLimits[index]
        }
        let left = alive[index].indices.filter { alive[index][$0] }
        merges.append(
            MergedChannels.Merge(
                group: index, kept: left.firstIndex(of: kept) ?? 0,
                gone: left.firstIndex(of: gone) ?? 0, distance: distances[index][kept, gone],
                isOfDead: dead))
        // Neighbours share parameters: what the two channels add to their distances changes.
        for other in groups.indices where other != index {
            distances[other].add(
                -1, of: [kept, gone], at: group.incoming + group.outgoing, parameters)
        }
        let (a, b) = (Double(members[index][kept].count), Double(members[index][gone].count))
        for site in group.incoming {
            switch rule {
            case .sumInMeanOut: parameters.combine(site, kept: kept, gone: gone, 1, 1)
            case .meanInSumOut:
                parameters.combine(site, kept: kept, gone: gone, a / (a + b), b / (a + b))
            }
        }
        for site in group.outgoing {
            switch rule {
            case .sumInMeanOut:
                parameters.combine(site, kept: kept, gone: gone, a / (a + b), b / (a + b))
            case .meanInSumOut: parameters.combine(site, kept: kept, gone: gone, 1, 1)
            }
        }
        for other in groups.indices where other != index {
            distances[other].add(
                1, of: [kept, gone], at: group.incoming + group.outgoing, parameters)
        }
        members[index][kept] += members[index][gone]
        members[index][gone] = []
        alive[index][gone] = false
        distances[index].measure(kept, parameters)
    }

    /// The network as it stands.
    var result: MergedChannels {
        MergedChannels(
            parameters: parameters.compacted(groups, alive: alive),
            layers: groups.indices.map { index in
                MergedChannels.Layer(
                    name: groups[index].name, members: members[index].filter { !$0.isEmpty },
                    quartiles: quartiles[index])
            },
            merges: merges)
    }

    private static func check(
        _ values: [String: Tensor], _ groups: [ChannelGroup]
    ) throws(ChannelError) {
        for group in groups {
            var seen: Set<String> = []
            for site in group.incoming + group.outgoing {
                guard let tensor = values[site.name] else {
                    throw .unknownParameter(group: group.name, name: site.name)
                }
                guard seen.insert(site.name).inserted else {
                    throw .sharedParameter(group: group.name, name: site.name)
                }
                let expected = group.count * site.block
                guard tensor.shape.indices.contains(site.axis),
                    tensor.shape[site.axis] == expected
                else {
                    throw .wrongLength(
                        group: group.name, name: site.name, axis: site.axis, shape: tensor.shape,
                        expected: expected)
                }
                guard tensor.elements.allSatisfy(\.isFinite) else {
                    throw .notFinite(name: site.name)
                }
            }
        }
    }
}
