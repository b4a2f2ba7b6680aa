/// Where a number halfway between two integers is rounded to.
public enum TieRule: String, Sendable, Hashable, CaseIterable, Codable {
    /// To the even integer, as IEEE 754 rounds by default.
    case toEven
    /// To the larger integer, `⌊x + ½⌋`; what adding a half and shifting right does.
    case up

    /// The nearest integer.
    @inlinable
    public func rounded(_ x: Float) -> Float {
        let even = x.rounded(.toNearestOrEven)
        return self == .up && x - even == 0.5 ? even + 1 : even
    }
}
