/// The entry of a published method in the catalogue.
///
/// A record holds what the paper says. What was measured here lives in the results of the method's
/// reproduction, never in a record.
public struct MethodRecord: Sendable, Hashable, Encodable {
    /// The name in commands, files and pages: lower-case letters, digits and hyphens.
    public let id: String

    /// The name that the field uses.
    public let title: String

    /// The publication that the method comes from.
    public let paper: Paper

    /// The list that the record stands in, and the folder of the method.
    public let family: MethodFamily

    /// Where in the making of a small model the method works.
    public let stage: MethodStage

    /// What must be at hand to use it, beyond the weights of one model.
    public let needs: [MethodNeed]

    /// What the paper claims, most important first; never empty.
    public let claims: [MethodClaim]

    /// Describes a method.
    public init(
        id: String, title: String, paper: Paper, family: MethodFamily, stage: MethodStage,
        needs: [MethodNeed] = [], claims: [MethodClaim]
    ) {
        self.id = id
        self.title = title
        self.paper = paper
        self.family = family
        self.stage = stage
        self.needs = needs
        self.claims = claims
    }

    /// The claim with an id, or nil.
    public func claim(_ id: String) -> MethodClaim? { claims.first { $0.id == id } }
}

/// A publication on arXiv.
public struct Paper: Sendable, Hashable, Encodable {
    /// The title as printed.
    public let title: String

    /// The number on arXiv, such as `2306.01708`.
    public let arXiv: String

    /// The year of the first version.
    public let year: Int

    /// Names a publication.
    public init(title: String, arXiv: String, year: Int) {
        self.title = title
        self.arXiv = arXiv
        self.year = year
    }
}

/// One statement of a paper that can turn out to be wrong.
public struct MethodClaim: Sendable, Hashable, Encodable {
    /// The name within the record: lower-case letters, digits and hyphens.
    public let id: String

    /// The statement in one sentence, in a form that a small experiment can test.
    public let statement: String

    /// The figures that were published for it, or nil when the paper states it without any or
    /// when it follows from the mathematics.
    public let published: PublishedFigure?

    /// States a claim.
    public init(id: String, _ statement: String, published: PublishedFigure? = nil) {
        self.id = id
        self.statement = statement
        self.published = published
    }
}

/// Figures of a publication, in its own setting.
public struct PublishedFigure: Sendable, Hashable, Encodable {
    /// The figures with their unit and setting, on one line.
    public let text: String

    /// Where they stand: a table of the paper, a file of its repository, or who quotes them.
    public let source: String

    /// Quotes figures.
    public init(_ text: String, source: String) {
        self.text = text
        self.source = source
    }
}
