import HalftoneData
import HalftoneRuns
import Synchronization

/// What a reproduction is told about its run, and tells about its progress.
public final class ReproductionContext: Sendable {
    /// Whether something plain takes the method's place.
    public let isControl: Bool

    private let title: String
    private let output: RunProgress.Output
    private let progress = Mutex<RunProgress?>(nil)

    private let models: ModelLocator

    /// Finds the folder or file of a model by its name.
    public typealias ModelLocator = @Sendable (String) throws -> String

    /// Describes a run.
    public init(
        title: String, isControl: Bool = false, output: RunProgress.Output = .silent,
        models: @escaping ModelLocator = ReproductionContext.shippedModel
    ) {
        self.title = title
        self.isControl = isControl
        self.output = output
        self.models = models
    }

    /// Finds the models that come with Halftone, and no others.
    ///
    /// - Throws: ``ReproductionError/noModel(_:)``.
    public static func shippedModel(_ name: String) throws -> String {
        guard ShippedModels.names.contains(name) else { throw ReproductionError.noModel(name) }
        return ShippedModels.path(of: name)
    }

    /// The folder or file of a model.
    ///
    /// - Throws: An error that says how to get it, if it is not on this machine.
    public func path(ofModel name: String) throws -> String { try models(name) }

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
