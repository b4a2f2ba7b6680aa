import HalftoneRuns

/// A document that says what a long job is to do.
///
/// Conform a `Codable` value; the compiler writes the rest. A key that a file leaves out takes its
/// value from ``defaults``.
public protocol Recipe: Codable, Sendable {
    /// The version of this kind of recipe, from 1 on; a file states it under the key `version`.
    static var version: Int { get }
    /// Values for the keys that a file may leave out, or nil when it must state all.
    static var defaults: Self? { get }
    /// Looks at values that the types allow and the job does not.
    func check(_ checks: inout RecipeChecks)
}

extension Recipe {
    /// No defaults: a file states all that is not optional.
    public static var defaults: Self? { nil }
    /// No further conditions.
    public func check(_ checks: inout RecipeChecks) {}
}

/// A recipe that was read and holds together.
public struct LoadedRecipe<Value: Recipe>: Sendable {
    /// What it says.
    public let value: Value
    /// The whole of it, defaults included, as it is stored with the result.
    public let canonical: RunRecipe
}

extension Recipe {
    /// Reads a file of YAML or JSON.
    ///
    /// - Throws: ``RecipeError`` with all problems, each with its line; `FileSystemError` when
    ///   there is no such file.
    public static func load(from path: String) throws -> LoadedRecipe<Self> {
        let bytes = try LocalFileSystem().read(path)
        return try read(String(decoding: bytes, as: UTF8.self), name: path)
    }

    /// Reads a text of YAML or JSON.
    ///
    /// - Parameters:
    ///   - text: The document.
    ///   - name: What messages call it.
    /// - Throws: ``RecipeError`` with all problems, each with its line.
    public static func read(_ text: String, name: String = "recipe") throws -> LoadedRecipe<Self> {
        let report = RecipeReport()
        let root: RecipeNode
        do {
            root = try RecipeNode.parse(text)
        } catch let problem as RecipeProblem {
            throw RecipeError(name: name, problems: [problem])
        }
        checkVersion(root, report)
        let fallback = try defaults.map { try RecipeNode.parse(encoding: $0) }
        let decoder = RecipeDecoder(root, fallback, [], report, isRoot: true)
        let value = try? decoder.value(Self.self)
        report.checkKeys(isComplete: value != nil)
        if let value {
            var checks = RecipeChecks()
            value.check(&checks)
            for failure in checks.failures {
                report.add(failure.message, failure.path, line: root.line(of: failure.path))
            }
        }
        guard let value, report.problems.isEmpty else {
            throw RecipeError(name: name, problems: report.sorted)
        }
        return LoadedRecipe(
            value: value,
            canonical: try RunRecipe(encoding: Versioned(version: Self.version, recipe: value)))
    }

    private static func checkVersion(_ root: RecipeNode, _ report: RecipeReport) {
        guard case .mapping(let members) = root.kind else { return }
        guard let node = members.first(where: { $0.key == "version" })?.node else {
            return report.add("is missing; this is version \(version)", "version", line: root.line)
        }
        guard let found = node.integer, found >= 1, found <= version else {
            let known = version == 1 ? "1 is" : "1 to \(version) are"
            return report.add(
                "\(node.spelling) cannot be read; \(known) known", "version", line: node.line)
        }
    }
}

/// The stored form: the recipe's members beside its version.
private struct Versioned<Value: Recipe>: Encodable {
    var version: Int
    var recipe: Value

    private enum Key: CodingKey { case version }

    func encode(to encoder: any Encoder) throws {
        try recipe.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(version, forKey: .version)
    }
}

/// Conditions that a recipe states about its values.
public struct RecipeChecks {
    private(set) var failures: [(path: String, message: String)] = []

    /// Notes a problem unless a condition holds.
    ///
    /// - Parameters:
    ///   - condition: What has to be true.
    ///   - path: The key path of the value, such as `layers[2].bits`.
    ///   - message: What is wrong and what would do; follows the path.
    public mutating func require(_ condition: Bool, _ path: String, _ message: String) {
        if !condition { failures.append((path, message)) }
    }

    /// Notes a problem unless a value lies in a range.
    public mutating func require<Value: Comparable>(
        _ value: Value, in range: ClosedRange<Value>, _ path: String
    ) {
        require(
            range.contains(value), path,
            "\(value) is not from \(range.lowerBound) to \(range.upperBound)")
    }
}
