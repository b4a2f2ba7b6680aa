import Synchronization

/// A wish that a training leaves after the step at hand, from another thread or a signal.
public final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    /// No wish yet.
    public init() {}

    /// Whether the training should leave.
    public var isRaised: Bool { flag.load(ordering: .acquiring) }

    /// States the wish.
    ///
    /// - Returns: Whether it had been stated before.
    @discardableResult
    public func raise() -> Bool { flag.exchange(true, ordering: .acquiringAndReleasing) }
}
