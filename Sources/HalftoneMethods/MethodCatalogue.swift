/// All published methods that Halftone has.
///
/// Each family keeps a list in its folder. To add a method, write its file there with its record,
/// its test, its page, and one line in that list.
public enum MethodCatalogue {
    /// The records of all families, in the order of the families.
    public static let all: [MethodRecord] = MethodFamily.allCases.flatMap(\.records)

    /// The record with an id, or nil.
    public static func record(_ id: String) -> MethodRecord? { all.first { $0.id == id } }
}
