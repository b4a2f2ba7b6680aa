/// One layer's channels, and every parameter that has them along an axis.
///
/// A hidden layer of a perceptron has its channels along the rows of its weight and bias, and along
/// the columns of the next layer's weight:
///
///     ChannelGroup(
///         "fc1", count: 64, incoming: [.init("fc1.weight"), .init("fc1.bias")],
///         outgoing: [.init("fc2.weight", axis: 1)])
///
/// Layers that write to one residual stream share their channels and belong in one group.
public struct ChannelGroup: Sendable, Equatable {
    /// A parameter that has the channels along an axis.
    public struct Site: Sendable, Equatable {
        /// The parameter's name.
        public let name: String

        /// The axis, from 0.
        public let axis: Int

        /// Positions along the axis that belong to one channel; above 1 where an image was
        /// flattened channel by channel.
        public let block: Int

        /// Names a parameter and its axis.
        public init(_ name: String, axis: Int = 0, block: Int = 1) {
            self.name = name
            self.axis = axis
            self.block = block
        }
    }

    /// The name in reports.
    public let name: String

    /// The number of channels.
    public let count: Int

    /// What computes the channels: weights along axis 0, and biases.
    public let incoming: [Site]

    /// What reads the channels: weights, usually along axis 1.
    public let outgoing: [Site]

    /// Describes the channels of a layer.
    public init(_ name: String, count: Int, incoming: [Site], outgoing: [Site]) {
        self.name = name
        self.count = count
        self.incoming = incoming
        self.outgoing = outgoing
    }
}

/// Why channels cannot be merged.
public enum ChannelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A group names a parameter that there is not.
    case unknownParameter(group: String, name: String)
    /// A parameter does not have the group's channels along the axis.
    case wrongLength(group: String, name: String, axis: Int, shape: [Int], expected: Int)
    /// A group has one parameter along two axes, as a layer that feeds itself does.
    case sharedParameter(group: String, name: String)
    /// A parameter holds a number that is not finite.
    case notFinite(name: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unknownParameter(let group, let name): "\(group): there is no parameter \(name)"
        case .wrongLength(let group, let name, let axis, let shape, let expected):
            "\(group): \(name) has shape \(shape); axis \(axis) should be \(expected) long"
        case .sharedParameter(let group, let name):
            "\(group) has \(name) along two axes; a layer that feeds itself cannot be merged"
        case .notFinite(let name): "\(name) holds a number that is not finite"
        }
    }
}
