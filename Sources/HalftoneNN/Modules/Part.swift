/// What a module is made of: a ``Parameter``, a ``Buffer`` or another ``Module``.
public protocol Part: AnyObject {}

/// The parts of a module by name, in the order in which they are walked.
///
/// A path joins the names on the way with points, as checkpoints do. A part without a name passes
/// its own parts on under the name of its owner.
///
///     var parts: Parts {
///         ["embed_tokens": embedding, "norm": norm] + .list("layers", blocks)
///     }
public struct Parts: ExpressibleByDictionaryLiteral {
    /// Names and parts.
    public let entries: [(name: String, part: any Part)]

    /// The parts that are there; nil ones are left out.
    public init(dictionaryLiteral elements: (String, (any Part)?)...) {
        entries = elements.compactMap { name, part in part.map { (name, $0) } }
    }

    private init(_ entries: [(name: String, part: any Part)]) { self.entries = entries }

    /// Numbered parts under one name: `layers.0`, `layers.1` and so on.
    public static func list(_ name: String, _ parts: [any Part]) -> Parts {
        Parts(parts.enumerated().map { (name.isEmpty ? "\($0)" : "\(name).\($0)", $1) })
    }

    /// Both, the left first.
    public static func + (left: Parts, right: Parts) -> Parts {
        Parts(left.entries + right.entries)
    }
}
