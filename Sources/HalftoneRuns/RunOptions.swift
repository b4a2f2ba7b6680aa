/// How a run meets the disk and other workers; the defaults are for every command.
public struct RunOptions: Sendable {
    /// What is written through.
    public var fileSystem: any RunFileSystem
    /// Who this worker is.
    public var owner: RunOwner
    /// How often a worker that holds something shows that it is alive; none if infinite.
    public var heartbeatSeconds: Double
    /// How long a worker on another machine may be silent before its claims are taken over.
    ///
    /// One of this machine whose process has ended is succeeded at once.
    public var staleSeconds: Double

    /// States the options.
    public init(
        fileSystem: any RunFileSystem = LocalFileSystem(), owner: RunOwner = .current(),
        heartbeatSeconds: Double = 10, staleSeconds: Double = 120
    ) {
        self.fileSystem = fileSystem
        self.owner = owner
        self.heartbeatSeconds = heartbeatSeconds
        self.staleSeconds = staleSeconds
    }
}

/// Whether a run may be there already.
public enum RunOpening: Sendable, Equatable {
    /// Start it if it is not there, go on with it if it is.
    case startOrResume
    /// It must not be there.
    case start
    /// It must be there.
    case resume
}
