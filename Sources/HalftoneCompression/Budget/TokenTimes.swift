import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneRuntime

/// How long a token takes on this machine, by how matrices are stored.
///
/// For each way to store the layers of blocks a model that stores all of them so is run and timed;
/// each matrix then counts with its share of the weights. What is no product with layers, attention
/// for one, is in all of these times, and so in every sum of shares. Embedding and head are measured
/// the same way, as what one way takes more than another.
public struct TokenTimes: Sendable, Codable, Equatable {
    /// One way to store matrices, and nanoseconds.
    private struct Entry: Codable, Equatable {
        var packing: WeightPacking
        var nanoseconds: Double
    }

    private var layers: [Entry] = []
    private var tables: [Entry] = []
    private let layerWeightCount: Int
    private let tableRole: Role

    /// Tokens of a round, and rounds of a measurement.
    fileprivate static let (tokens, rounds) = (8, 7)

    /// Times the ways to store a model's matrices.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - packings: The ways for a role with so many columns; none for those that stay float.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by one for each way.
    /// - Throws: ``CompressionError`` naming a matrix that cannot be stored.
    /// - Complexity: Some rounds of tokens for each way; two models are in memory.
    public init(
        _ weights: DecoderWeights, packings: (Role, Int) -> [WeightPacking], pool: WorkerPool,
        progress: RunProgress? = nil
    ) throws {
        let slots = weights.spec.slots.filter { $0.role.isPackable }
        let body = slots.filter { $0.role.block != nil }
        tableRole = Role(weights.spec.isHeadTied ? .embedding : .head)
        layerWeightCount = body.reduce(0) { $0 + $1.shape.reduce(1, *) }
        var bench = Bench(weights, pool: pool)
        let ways = Set(body.flatMap { packings($0.role, $0.shape[1]) })
        for packing in ways.sorted(by: { "\($0)" < "\($1)" }) {
            for slot in body {
                // A matrix that has no such way is stored in the first of its own.
                let own = packings(slot.role, slot.shape[1])
                guard let stored = own.contains(packing) ? packing : own.first else { continue }
                try bench.store(slot.role, as: stored)
            }
            layers.append(Entry(packing: packing, nanoseconds: try bench.nanosecondsPerToken()))
            progress?.advance(by: 1, note: "layers in \(packing)")
        }
        for slot in slots where slot.role == tableRole {
            for packing in packings(slot.role, slot.shape[1]) {
                try bench.store(slot.role, as: packing)
                tables.append(
                    Entry(packing: packing, nanoseconds: try bench.nanosecondsPerToken()))
                progress?.advance(by: 1, note: "\(slot.role) in \(packing)")
            }
        }
        // Layers were timed with a float table: what any other one takes less than that is known
        // only beside the layers that were stored last.
        let least = tables.map(\.nanoseconds).min() ?? 0
        let float = layers.last?.nanoseconds ?? 0
        for place in tables.indices { tables[place].nanoseconds -= least }
        if !tables.isEmpty {
            for place in layers.indices { layers[place].nanoseconds += least - float }
        }
    }

    /// How many ways are timed: the steps of ``init(_:packings:pool:progress:)``.
    static func count(_ weights: DecoderWeights, packings: (Role, Int) -> [WeightPacking]) -> Int {
        let slots = weights.spec.slots.filter { $0.role.isPackable }
        let table = Role(weights.spec.isHeadTied ? .embedding : .head)
        let ways = slots.filter { $0.role.block != nil }
            .flatMap { packings($0.role, $0.shape[1]) }
        return Set(ways).count
            + slots.filter { $0.role == table }
            .reduce(0) { $0 + packings($1.role, $1.shape[1]).count }
    }

    /// What a matrix adds to a token, in nanoseconds: at least one for a layer, whatever a busy
    /// machine makes of differences.
    ///
    /// - Parameters:
    ///   - role: The matrix.
    ///   - weightCount: Its elements.
    ///   - packing: How it is stored.
    public func nanoseconds(of role: Role, weightCount: Int, as packing: WeightPacking) -> Int {
        if role.block != nil {
            let share = Double(weightCount) / Double(max(layerWeightCount, 1))
            return max(Int((Self.time(packing, layers) * share).rounded(.up)), 1)
        }
        return role == tableRole ? Int(Self.time(packing, tables).rounded(.up)) : 0
    }

    private static func time(_ packing: WeightPacking, _ entries: [Entry]) -> Double {
        guard let entry = entries.first(where: { $0.packing == packing }) else {
            preconditionFailure("\(packing) was timed")
        }
        return max(entry.nanoseconds, 0)
    }
}

/// A model whose matrices are replaced and that is timed.
private struct Bench {
    private var weights: DecoderWeights
    private let float: DecoderWeights
    private let pool: WorkerPool
    /// The first matrix of a shape that was stored in a way: values do not change the time.
    private var known: [Form: PackedWeight] = [:]

    private struct Form: Hashable {
        var rows: Int
        var columns: Int
        var packing: WeightPacking
    }

    init(_ weights: DecoderWeights, pool: WorkerPool) {
        (self.weights, float, self.pool) = (weights, weights, pool)
    }

    /// Stores a matrix, or another one of its shape in its place.
    mutating func store(_ role: Role, as packing: WeightPacking) throws {
        let matrix = float.matrix(role)
        let form = Form(rows: matrix.rows, columns: matrix.columns, packing: packing)
        if known[form] == nil {
            known[form] = try RoundToNearest().packed(matrix, as: packing, inputs: nil, pool: pool)
        }
        if let packed = known[form] { weights.replace(role, with: packed.matrix) }
    }

    /// The median time of a token.
    func nanosecondsPerToken() throws -> Double {
        // A decoder lays out each matrix for itself, so that places share no memory.
        let decoder = Decoder(weights, pool: pool, activations: .int8)
        let state = decoder.makeState(capacity: TokenTimes.tokens + 1)
        var logits = try decoder.logits(after: [0], state: state)
        var times: [Double] = []
        for _ in 0..<TokenTimes.rounds {
            state.truncate(to: 1)
            let start = ContinuousClock.now
            for token in 0..<TokenTimes.tokens {
                try decoder.logits(
                    after: [Int32(token % weights.spec.vocabularySize)], state: state,
                    into: &logits)
            }
            let took = (ContinuousClock.now - start).components
            times.append(Double(took.seconds) * 1e9 + Double(took.attoseconds) / 1e9)
        }
        return times.sorted()[times.count / 2] / Double(TokenTimes.tokens)
    }
}
