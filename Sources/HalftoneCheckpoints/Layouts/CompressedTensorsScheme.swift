import HalftoneFiles

/// How one group of `config_groups` stores weights, and for which modules.
struct CompressedTensorsScheme: Sendable, Equatable {
    /// Which weights share a scale.
    enum Strategy: String, Sendable {
        case tensor, channel, group, block
        case tensorGroup = "tensor_group"
    }

    var bits: Int
    var isFloat: Bool
    var isSymmetric: Bool
    var strategy: Strategy
    /// Inputs that share a scale, or nil for all of a row.
    var groupSize: Int?
    /// Rows and columns of a block.
    var block: [Int]?

    /// Reads the member `weights` of a group.
    init(_ weights: JSONValue) throws(CheckpointError) {
        let settings = Settings(weights)
        bits = try settings.integer("num_bits", default: 8, in: 1...8)
        let type = try settings.string("type", default: "int").lowercased()
        guard type == "int" || type == "float" else {
            throw .unsupported(setting: "type", found: type, supported: "int and float are")
        }
        isFloat = type == "float"
        isSymmetric = try settings.bool("symmetric", default: true)
        groupSize = try settings.groupSize("group_size")
        let name = try settings.string(
            "strategy",
            default: groupSize != nil
                ? "group"
                : settings["group_size"] != nil
                    ? "channel" : "tensor")
        guard let strategy = Strategy(rawValue: name) else {
            throw .unsupported(
                setting: "strategy", found: name,
                supported: "tensor, channel, group, block and tensor_group are, for weights")
        }
        self.strategy = strategy
        block = settings["block_structure"]?.array?.compactMap(\.integer)
        if strategy == .block {
            guard let block, block.count == 2, block.allSatisfy({ (1...1 << 20).contains($0) })
            else {
                throw .badSetting(
                    key: "block_structure",
                    found: settings["block_structure"]?.serialized() ?? "nothing",
                    wanted: "two sizes such as [128, 128]")
            }
        }
    }

    /// `4 bits, groups of 128, symmetric`.
    var summary: String {
        let groups =
            switch strategy {
            case .tensor: "one scale a tensor"
            case .channel: "whole rows"
            case .group, .tensorGroup: groupSize.map { "groups of \($0)" } ?? "whole rows"
            case .block: "blocks of " + (block ?? []).map(String.init).joined(separator: " × ")
            }
        return "\(isFloat ? "float " : "")\(bits) bits, \(groups)"
            + (isSymmetric ? ", symmetric" : "")
    }
}

/// Which scheme a module has.
struct CompressedTensorsTargets: Sendable {
    /// What stands in a list of targets.
    private enum Target: Sendable {
        case name(String)
        case pattern(NamePattern)

        init(_ text: String) throws(CheckpointError) {
            guard text.hasPrefix("re:") else {
                self = .name(text)
                return
            }
            do {
                self = .pattern(try NamePattern(String(text.dropFirst(3))))
            } catch {
                throw .unsupported(
                    setting: "targets", found: text,
                    supported: "names and expressions without "
                        + "look-around are; \(error.reason)")
            }
        }
    }

    private let groups: [(targets: [Target], scheme: CompressedTensorsScheme)]
    /// The scheme when all groups have the same.
    private let common: CompressedTensorsScheme?

    /// Reads `config_groups`; groups without weights are left out.
    init(_ settings: Settings) throws(CheckpointError) {
        guard let members = settings["config_groups"]?.object?.members else {
            throw .badSetting(
                key: "config_groups", found: settings["config_groups"]?.serialized() ?? "nothing",
                wanted: "an object of groups")
        }
        var found: [(targets: [String], scheme: CompressedTensorsScheme)] = []
        for (_, group) in members {
            guard let weights = group["weights"], weights != .null else { continue }
            let targets = group["targets"]?.array?.compactMap(\.string) ?? []
            found.append((targets, try CompressedTensorsScheme(weights)))
        }
        guard let first = found.first?.scheme else {
            throw .badSetting(
                key: "config_groups", found: "no weights", wanted: "a group that packs weights")
        }
        common = found.allSatisfy { $0.scheme == first } ? first : nil
        guard common == nil else {
            groups = [([], first)]
            return
        }
        var groups: [(targets: [Target], scheme: CompressedTensorsScheme)] = []
        for group in found {
            var targets: [Target] = []
            for text in group.targets { targets.append(try Target(text)) }
            groups.append((targets, group.scheme))
        }
        self.groups = groups
    }

    /// The schemes in use.
    var summary: String {
        common?.summary ?? groups.map(\.scheme.summary).joined(separator: "; ")
    }

    /// The scheme of a module: of the group that names it, else of one whose expression matches,
    /// else of one that names the class.
    func scheme(of module: String, className: String) -> CompressedTensorsScheme? {
        if let common { return common }
        func first(_ matches: (Target) -> Bool) -> CompressedTensorsScheme? {
            groups.first { $0.targets.contains(where: matches) }?.scheme
        }
        return first { if case .name(let name) = $0 { name == module } else { false } }
            ?? first {
                if case .pattern(let pattern) = $0 { pattern.matches(module) } else { false }
            }
            ?? first { if case .name(let name) = $0 { name == className } else { false } }
    }
}
