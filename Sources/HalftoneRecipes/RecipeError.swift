/// All that is wrong with a recipe.
public struct RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's name.
    public let name: String
    /// What is wrong, by line.
    public let problems: [RecipeProblem]

    /// A line for each problem, with file, line and key path.
    public var description: String {
        problems.map { "\(name):\($0.description)" }.joined(separator: "\n")
    }
}

/// One thing that is wrong with a recipe.
public struct RecipeProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The line, counted from 1.
    public let line: Int
    /// The key path, such as `layers[2].bits`; empty for the whole document.
    public let path: String
    /// What was found and what would do.
    public let message: String

    /// Line, key path and what is wrong.
    public var description: String {
        path.isEmpty ? "\(line): \(message)" : "\(line): \(path): \(message)"
    }
}

/// Collects what is wrong while a recipe is read.
final class RecipeReport {
    private(set) var problems: [RecipeProblem] = []
    /// Keys that were asked for, by the path of their mapping.
    private var asked: [String: Set<String>] = [:]
    private var mappings: [String: RecipeNode] = [:]

    func add(_ message: String, _ path: String, line: Int) {
        // The first says what matters; a placeholder may break further conditions.
        guard !problems.contains(where: { $0.path == path }) else { return }
        problems.append(RecipeProblem(line: line, path: path, message: message))
    }

    func visit(_ node: RecipeNode, _ path: String) {
        mappings[path] = node
        asked[path, default: []].formUnion(path.isEmpty ? ["version"] : [])
    }

    func ask(_ key: String, in path: String) { asked[path, default: []].insert(key) }

    /// Reports keys that nothing asked for; after a failure not all were asked for that exist.
    func checkKeys(isComplete: Bool) {
        guard isComplete else { return }
        for (path, node) in mappings {
            guard case .mapping(let members) = node.kind else { continue }
            let known = asked[path] ?? []
            let absent = known.subtracting(members.map(\.key))
            for member in members where !known.contains(member.key) {
                let near =
                    Self.nearest(to: member.key, among: absent)
                    ?? Self.nearest(to: member.key, among: known)
                let hint = near.map { "did you mean \"\($0)\"?" }
                let all = "there are \(known.sorted().joined(separator: ", "))"
                add(
                    "no such key; \(hint ?? all)",
                    path.isEmpty ? member.key : "\(path).\(member.key)",
                    line: member.line)
            }
        }
    }

    var sorted: [RecipeProblem] {
        problems.sorted { ($0.line, $0.path) < ($1.line, $1.path) }
    }

    /// The name that fewest changes of a letter lead to, if they are few.
    static func nearest(to name: String, among names: some Sequence<String>) -> String? {
        names.map { (distance(name.lowercased(), $0.lowercased()), $0) }
            .filter { $0.0 <= max(2, name.count / 3) }
            .min { $0 < $1 }?.1
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
    private static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left), Array(right))
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                let change = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                var best = min(change, rows[i - 1][j] + 1, row[j - 1] + 1)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    best = min(best, rows[i - 2][j - 2] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
