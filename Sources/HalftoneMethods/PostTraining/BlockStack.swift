import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization

/// The blocks of several matrices in the order in which they are worth loading, in memory or in a
/// file whose beginning is all that a smaller model needs.
///
/// The first block of each matrix is always there. A stack in memory may be the beginning of
/// another: then its matrices have fewer blocks.
public struct BlockStack: Sendable {
    /// A matrix that is a sum of blocks.
    public struct Member: Sendable {
        /// The name, such as the path of a layer.
        public let name: String
        /// At least one, all of one shape.
        public let blocks: [StoredMatrix]

        /// Names the blocks of a matrix.
        public init(_ name: String, blocks: [StoredMatrix]) {
            self.name = name
            self.blocks = blocks
        }
    }

    /// The matrices.
    public let members: [Member]

    /// The member of each block beyond the first ones, the most useful first.
    ///
    /// The blocks of one member come in their order.
    public let order: [Int]

    /// Bytes of the first blocks and the first i of ``order``, for i from 0 to all.
    public let runningTotals: [Int]

    /// Bytes of all blocks.
    public var byteCount: Int { runningTotals[order.count] }

    /// Puts blocks in order.
    ///
    /// - Parameters:
    ///   - members: Matrices of different names.
    ///   - order: As ``order``: each member once for each of its blocks beyond the first.
    /// - Throws: ``BlockStackError/badOrder(_:)``.
    public init(_ members: [Member], order: [Int]) throws(BlockStackError) {
        guard Set(members.map(\.name)).count == members.count,
            members.allSatisfy({ !$0.blocks.isEmpty })
        else { throw .badOrder("members have names of their own and a block each") }
        self.members = members
        self.order = order
        var counts = [Int](repeating: 1, count: members.count)
        var totals = [members.reduce(0) { $0 + $1.blocks[0].byteCount }]
        for (place, member) in order.enumerated() {
            guard members.indices.contains(member), counts[member] < members[member].blocks.count
            else { throw .badOrder("place \(place) is for a block that \(member) does not have") }
            totals.append(totals[place] + members[member].blocks[counts[member]].byteCount)
            counts[member] += 1
        }
        guard zip(counts, members).allSatisfy({ $0 == $1.blocks.count }) else {
            throw .badOrder("some blocks have no place")
        }
        runningTotals = totals
    }

    /// How many of ``order`` a budget has room for: the largest beginning that does not exceed it.
    ///
    /// - Parameter budgetInBytes: For blocks alone, which is what stays in memory when they are
    ///   multiplied with; embedding, head and norms come on top.
    /// - Throws: ``BlockStackError/budgetTooSmall(budget:least:)`` below the first blocks.
    public func count(within budgetInBytes: Int) throws(BlockStackError) -> Int {
        // Totals ascend.
        guard let count = runningTotals.lastIndex(where: { $0 <= budgetInBytes }) else {
            throw .budgetTooSmall(budget: budgetInBytes, least: runningTotals[0])
        }
        return count
    }

    /// The stack with the first blocks and the first ones of ``order``.
    public func prefix(_ count: Int) -> BlockStack {
        precondition((0...order.count).contains(count), "\(count) of \(order.count) blocks")
        let kept = order[..<count]
        let members = members.enumerated().map { index, member in
            let blocks = 1 + kept.count { $0 == index }
            return Member(member.name, blocks: Array(member.blocks[..<blocks]))
        }
        return BlockStack(
            members: members, order: Array(kept), runningTotals: Array(runningTotals[...count]))
    }

    private init(members: [Member], order: [Int], runningTotals: [Int]) {
        self.members = members
        self.order = order
        self.runningTotals = runningTotals
    }

    /// Each matrix as the sum of its blocks.
    public var matrices: [String: StoredMatrix] {
        get throws(QuantizationError) {
            var matrices: [String: StoredMatrix] = [:]
            for member in members {
                matrices[member.name] = try StoredMatrix(adding: member.blocks)
            }
            return matrices
        }
    }
}

/// Why there is no stack, or none for a budget.
public enum BlockStackError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An order that does not fit the blocks.
    case badOrder(String)
    /// A budget below the first blocks.
    case budgetTooSmall(budget: Int, least: Int)
    /// A file that is no stack.
    case badFile(path: String, String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .badOrder(let problem): "no order of blocks: \(problem)"
        case .budgetTooSmall(let budget, let least):
            "a budget of \(budget) bytes is below \(least), what the first blocks take"
        case .badFile(let path, let problem): "\(path) is no stack of blocks: \(problem)"
        }
    }
}
