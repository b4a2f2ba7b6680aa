import HalftoneKernels
import HalftoneTensor

/// Parameters whose channels can be combined and erased in place, in double precision.
///
/// Erased channels stay as zeros, so that they add nothing to the distances of others, until
/// ``compacted(_:alive:)`` cuts them out.
struct ChannelParameters {
    /// Shape and numbers by name.
    private(set) var values: [String: (shape: [Int], elements: [Double])] = [:]

    init(_ parameters: [String: Tensor]) {
        for (name, tensor) in parameters {
            values[name] = (tensor.shape, tensor.elements.map { Double($0) })
        }
    }

    /// Where the numbers of a channel lie: `outer` runs of `length`, `stride` apart.
    struct Slab {
        let first: Int
        let outer: Int
        let length: Int
        let stride: Int
    }

    func slab(_ site: ChannelGroup.Site, _ channel: Int) -> Slab {
        let shape = values[site.name]?.shape ?? []
        let inner = shape[(site.axis + 1)...].reduce(1, *)
        return Slab(
            first: channel * site.block * inner, outer: shape[..<site.axis].reduce(1, *),
            length: site.block * inner, stride: shape[site.axis] * inner)
    }

    /// The squared distance between two channels in one parameter.
    func distance(_ site: ChannelGroup.Site, _ first: Int, _ second: Int) -> Double {
        guard let elements = values[site.name]?.elements else { return 0 }
        let (a, b) = (slab(site, first), slab(site, second))
        var sum = 0.0
        for run in 0..<a.outer {
            let offset = run * a.stride
            for index in 0..<a.length {
                let difference =
                    elements[a.first + offset + index] - elements[b.first + offset + index]
                sum += difference * difference
            }
        }
        return sum
    }

    /// The sum of a channel's squares in one parameter.
    func squares(_ site: ChannelGroup.Site, _ channel: Int) -> Double {
        guard let elements = values[site.name]?.elements else { return 0 }
        let slab = slab(site, channel)
        var sum = 0.0
        for run in 0..<slab.outer {
            let first = slab.first + run * slab.stride
            for index in first..<first + slab.length { sum += elements[index] * elements[index] }
        }
        return sum
    }

    /// Puts `a · kept + b · gone` in the place of one channel and zeros in that of the other.
    mutating func combine(
        _ site: ChannelGroup.Site, kept: Int, gone: Int, _ a: Double, _ b: Double
    ) {
        let (first, second) = (slab(site, kept), slab(site, gone))
        guard var entry = values.removeValue(forKey: site.name) else { return }
        for run in 0..<first.outer {
            let offset = run * first.stride
            for index in 0..<first.length {
                let (i, j) = (first.first + offset + index, second.first + offset + index)
                entry.elements[i] = a * entry.elements[i] + b * entry.elements[j]
                entry.elements[j] = 0
            }
        }
        values[site.name] = entry
    }

    /// The parameters without the channels that were erased.
    ///
    /// - Parameter alive: For each group, whether each channel is left.
    func compacted(_ groups: [ChannelGroup], alive: [[Bool]]) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, entry) in values {
            var tensor = Tensor(
                shape: entry.shape, elements: FloatArray(entry.elements.lazy.map { Float($0) }))
            for (group, alive) in zip(groups, alive) {
                for site in group.incoming + group.outgoing where site.name == name {
                    let kept = alive.indices.filter { alive[$0] }.flatMap { channel in
                        channel * site.block..<(channel + 1) * site.block
                    }
                    if kept.count < tensor.shape[site.axis] {
                        tensor = tensor.selecting(IndexTensor(kept), axis: site.axis)
                    }
                }
            }
            result[name] = tensor
        }
        return result
    }
}

/// The squared distances between all channels of a group, kept up to date.
struct ChannelDistances {
    /// Symmetric, `[count, count]`.
    private var values: [Double]
    private let count: Int
    /// Parameters that count: those of at least two dimensions.
    private let sites: [ChannelGroup.Site]

    init(_ group: ChannelGroup, _ parameters: ChannelParameters) {
        count = group.count
        sites = (group.incoming + group.outgoing).filter {
            (parameters.values[$0.name]?.shape.count ?? 0) > 1
        }
        values = [Double](repeating: 0, count: count * count)
        for channel in 0..<count { measure(channel, parameters) }
    }

    /// The distance of two channels.
    subscript(first: Int, second: Int) -> Double { values[first * count + second] }

    /// The sum of a channel's squares.
    func squares(_ channel: Int, _ parameters: ChannelParameters) -> Double {
        sites.reduce(0) { $0 + parameters.squares($1, channel) }
    }

    /// Measures one channel against all others anew.
    mutating func measure(_ channel: Int, _ parameters: ChannelParameters) {
        for other in 0..<count where other != channel {
            let distance = sites.reduce(0) { $0 + parameters.distance($1, channel, other) }
            values[channel * count + other] = distance
            values[other * count + channel] = distance
        }
    }

    /// Adds, or takes away, what the slabs of another group's channels in shared parameters
    /// contribute to each distance.
    mutating func add(
        _ sign: Double, of channels: [Int], at other: [ChannelGroup.Site],
        _ parameters: ChannelParameters
    ) {
        for site in sites {
            for shared in other where shared.name == site.name {
                guard let entry = parameters.values[site.name] else { continue }
                let elements = entry.elements
                let places = channels.flatMap { channel -> [Int] in
                    let slab = parameters.slab(shared, channel)
                    return (0..<slab.outer).flatMap { run in
                        slab.first + run * slab.stride..<slab.first + run * slab.stride
                            + slab.length
                    }
                }
                let inner = entry.shape[(site.axis + 1)...].reduce(1, *)
                // The numbers of each own channel that lie in the slabs.
                var inside = [[Int]](repeating: [], count: count)
                for place in places {
                    inside[place / inner % entry.shape[site.axis] / site.block].append(place)
                }
                for first in 0..<count {
                    for second in 0..<first {
                        var sum = 0.0
                        for (a, b) in zip(inside[first], inside[second]) {
                            let difference = elements[a] - elements[b]
                            sum += difference * difference
                        }
                        // Rounding may leave a little less than nothing.
                        let distance = max(0, values[first * count + second] + sign * sum)
                        values[first * count + second] = distance
                        values[second * count + first] = distance
                    }
                }
            }
        }
    }

    /// The closest pair among the channels that are left, the first in row order, and the largest
    /// distance; nil for fewer than two.
    func extremes(_ alive: [Bool]) -> (first: Int, second: Int, least: Double, most: Double)? {
        let left = alive.indices.filter { alive[$0] }
        guard left.count > 1 else { return nil }
        var best = (first: left[0], second: left[1], least: Double.infinity, most: 0.0)
        for (position, first) in left.enumerated() {
            for second in left[(position + 1)...] {
                let distance = values[first * count + second]
                if distance < best.least {
                    (best.first, best.second, best.least) = (first, second, distance)
                }
                best.most = max(best.most, distance)
            }
        }
        return best
    }

    /// Distances of all pairs, in ascending order.
    var sorted: [Double] {
        (0..<count).flatMap { first in (0..<first).map { values[first * count + $0] } }.sorted()
    }
}
