/// Why a training cannot go on.
public enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A number is NaN or infinite: at which step, and where it was first.
    case notFinite(step: Int, place: Place)
    /// A checkpoint does not hold what this training keeps.
    case badCheckpoint(path: String, reason: String)

    /// Where a number was not finite first.
    public enum Place: Sendable, Equatable, CustomStringConvertible {
        /// In a parameter, before the pass.
        case parameter(String)
        /// In what a layer keeps beside its parameters, after the pass.
        case buffer(String)
        /// In what flows through the network: the path of a module and the name of a tensor in it.
        case activation(String)
        /// In the gradient of what flows, on the way back.
        case gradient(String)
        /// In the gradient of a parameter.
        case parameterGradient(String)
        /// In the loss alone.
        case loss

        /// The place in words.
        public var description: String {
            switch self {
            case .parameter(let path): "the parameter \(path)"
            case .buffer(let path): "the buffer \(path)"
            case .activation(let site): site
            case .gradient(let site): "the gradient at \(site)"
            case .parameterGradient(let path): "the gradient of the parameter \(path)"
            case .loss: "the loss"
            }
        }
    }

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .notFinite(let step, let place):
            """
            step \(step): \(place) is the first that is NaN or infinite; a smaller learning rate, \
            a longer warm-up or clipping of gradients may help
            """
        case .badCheckpoint(let path, let reason): "\(path): \(reason)"
        }
    }
}
