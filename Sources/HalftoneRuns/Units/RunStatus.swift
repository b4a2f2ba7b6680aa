/// How far a run is.
public struct RunStatus: Sendable, Equatable {
    /// A unit that somebody works on.
    public struct Claimed: Sendable, Equatable {
        /// The unit's name.
        public var unit: String
        /// Who works on it, in words.
        public var owner: String

        /// States who works on what.
        public init(unit: String, owner: String) {
            self.unit = unit
            self.owner = owner
        }
    }

    /// A unit that could not be done.
    public struct Failed: Sendable, Equatable {
        /// The unit's name.
        public var unit: String
        /// How often it was tried.
        public var attempts: Int
        /// What went wrong at the last try.
        public var message: String

        /// States what went wrong.
        public init(unit: String, attempts: Int, message: String) {
            self.unit = unit
            self.attempts = attempts
            self.message = message
        }
    }

    /// Units that nobody works on, in the run's order.
    public var pending: [String]
    /// Units that somebody works on, in the run's order.
    public var claimed: [Claimed]
    /// Units with a result, in the run's order.
    public var done: [String]
    /// Units that could not be done, in the run's order.
    public var failed: [Failed]

    /// Whether nothing is left to do.
    public var isFinished: Bool { pending.isEmpty && claimed.isEmpty }
}
