import HalftoneRuns
import Synchronization

/// What a reproduction is told about its run, and tells about its progress.
public final class ReproductionContext: Sendable {
    /// Whether something plain takes the method's place.
    public let isControl: Bool

    private let title: String
    private let output: RunProgress.Output
    private let progress = Mutex<RunProgress?>(nil)

    /// Describes a run.
    public init(title: String, isControl: Bool = false, output: RunProgress.Output = .silent) {
        self.title = title
        self.isControl = isControl
        self.output = output
    }

    /// Says how many units of work lie ahead, for the estimate.
    ///
    /// Called once, first.
    public func expect(_ count: Int, _ unit: String) {
        progress.withLock { $0 = RunProgress(title, total: count, unit: unit, output: output) }
    }

    /// Counts units as done.
    public func advance(by count: Int = 1, _ note: String? = nil) {
        progress.withLock { $0 }?.advance(by: count, note: note)
    }

    /// Takes the progress off the terminal.
    func finish() { progress.withLock { $0 }?.finish() }
}
