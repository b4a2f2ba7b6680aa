/// An array of 32-bit integers with a shape, in row-major order: classes, tokens, places.
public struct IndexTensor: Sendable, Hashable {
    /// The length of each dimension, outermost first; none is negative.
    public let shape: [Int]

    /// The integers in row-major order, as many as the product of the shape.
    public private(set) var elements: [Int32]

    /// Gives integers a shape.
    ///
    /// - Parameters:
    ///   - shape: Lengths of at least 0.
    ///   - elements: As many as the product of the shape; anything else is a mistake of the caller.
    public init(shape: [Int], elements: [Int32]) {
        precondition(
            shape.allSatisfy { $0 >= 0 } && elements.count == shape.reduce(1, *),
            "shape \(shape) does not hold \(elements.count) elements")
        self.shape = shape
        self.elements = elements
    }

    /// A row of integers, each within 32 bits.
    public init(_ elements: some Collection<Int>) {
        self.init(shape: [elements.count], elements: elements.map { Int32($0) })
    }

    /// The number of elements.
    public var count: Int { elements.count }

    /// The same elements in another shape of as many.
    ///
    /// - Parameter shape: At most one length may be −1: it becomes what the others leave.
    public func reshaped(_ shape: [Int]) -> IndexTensor {
        IndexTensor(shape: Tensor.resolved(shape, count: count), elements: elements)
    }

    /// The element at an index per dimension, each within its dimension.
    public subscript(indices: Int...) -> Int32 {
        get { elements[offset(of: indices)] }
        set { elements[offset(of: indices)] = newValue }
    }

    private func offset(of indices: [Int]) -> Int {
        precondition(indices.count == shape.count, "\(indices) does not index shape \(shape)")
        var offset = 0
        for (index, length) in zip(indices, shape) {
            precondition(index >= 0 && index < length, "\(indices) is outside shape \(shape)")
            offset = offset * length + index
        }
        return offset
    }
}

extension IndexTensor: ExpressibleByArrayLiteral {
    /// A row of integers.
    public init(arrayLiteral elements: Int32...) {
        self.init(shape: [elements.count], elements: elements)
    }
}
