import HalftoneMethods

/// The reproductions of all methods that have one.
///
/// Each family keeps a list in its folder, next to its reproductions.
public enum ReproductionCatalogue {
    /// The reproductions in the order of the families.
    public static let all: [any Reproduction] = MethodFamily.allCases.flatMap(\.reproductions)

    /// The reproduction of a method, or nil.
    public static func reproduction(_ id: String) -> (any Reproduction)? {
        all.first { $0.record.id == id }
    }
}

extension MethodFamily {
    /// The reproductions of the family's methods.
    var reproductions: [any Reproduction] {
        switch self {
        case .merging: ReproductionCatalogue.merging
        case .pruning: ReproductionCatalogue.pruning
        case .postTraining: ReproductionCatalogue.postTraining
        case .bitAllocation: ReproductionCatalogue.bitAllocation
        case .caches: ReproductionCatalogue.caches
        case .studies: ReproductionCatalogue.studies
        case .quantizationAwareTraining: ReproductionCatalogue.quantizationAwareTraining
        }
    }
}
