import Foundation
import HalftoneKernels

/// An array of float32 numbers with a shape, stored whole in row-major order.
///
/// The last dimension is contiguous; a shape without dimensions holds one number. Values are
/// copied when changed, like arrays. A tensor that was computed from a tracked one remembers how;
/// see ``tracked()`` and ``gradient(for:)``.
public struct Tensor: Sendable {
    /// The length of each dimension, outermost first; none is negative.
    public let shape: [Int]

    /// The numbers as they lie in memory.
    package private(set) var storage: FloatArray

    /// How they lie.
    package let order: ElementOrder

    /// How the numbers were computed, when something tracked was part of it.
    var node: GradientNode?

    /// Gives numbers a shape.
    ///
    /// - Parameters:
    ///   - shape: Lengths of at least 0.
    ///   - elements: As many as the product of the shape; anything else is a mistake of the caller.
    public init(shape: [Int], elements: FloatArray) {
        self.init(shape: shape, elements: elements, node: nil)
    }

    /// Copies numbers and gives them a shape.
    public init(shape: [Int], elements: [Float]) {
        self.init(shape: shape, elements: FloatArray(elements), node: nil)
    }

    /// A tensor without dimensions.
    public init(_ value: Float) { self.init(shape: [], elements: [value], node: nil) }

    init(
        shape: [Int], elements: FloatArray, order: ElementOrder = .rowMajor, node: GradientNode?
    ) {
        precondition(
            elements.count == Self.count(shape),
            "shape \(shape) does not hold \(elements.count) elements")
        self.shape = shape
        self.order = order
        storage = elements
        self.node = node
    }

    /// The product of a shape; a negative length or an overflow is a mistake of the caller.
    private static func count(_ shape: [Int]) -> Int {
        precondition(shape.allSatisfy { $0 >= 0 }, "shape \(shape) has a negative length")
        return shape.reduce(1, *)
    }
}

extension Tensor {
    /// The numbers in row-major order, as many as the product of the shape.
    ///
    /// A convolution and what follows it keep the channels of a pixel together as long as they
    /// can; then this is a copy, made each time it is asked for.
    public var elements: FloatArray { order.converted(storage, to: .rowMajor) }

    /// The numbers in some order, copied where they lie in another.
    package func storage(in order: ElementOrder) -> FloatArray {
        self.order.converted(storage, to: order)
    }
}

extension Tensor: Equatable {
    /// Whether shapes and numbers are equal; how they were computed does not matter.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        left.shape == right.shape
            && left.storage(in: right.order) == right.storage
    }
}

extension Tensor {
    /// A tensor of zeros.
    public static func zeros(_ shape: [Int]) -> Tensor { filled(shape, with: 0) }

    /// A tensor with the same number everywhere.
    public static func filled(_ shape: [Int], with value: Float) -> Tensor {
        Tensor(shape: shape, elements: FloatArray(repeating: value, count: count(shape)))
    }

    /// Numbers drawn evenly from a range.
    ///
    /// - Parameters:
    ///   - shape: Lengths of at least 0.
    ///   - range: Both ends finite; each of 2²⁴ evenly spaced points is as likely as any other.
    ///   - generator: Gives 64 bits per number.
    public static func uniform(
        _ shape: [Int], in range: ClosedRange<Float> = -1...1,
        using generator: inout some RandomNumberGenerator
    ) -> Tensor {
        let width = range.upperBound - range.lowerBound
        let elements = FloatArray(count: count(shape)) { elements in
            for index in elements.indices {
                elements[index] =
                    range.lowerBound + width * (Float(generator.next() >> 40) * 0x1p-24)
            }
        }
        return Tensor(shape: shape, elements: elements)
    }

    /// Numbers drawn evenly from a range by a generator of their own.
    public static func uniform(
        _ shape: [Int], in range: ClosedRange<Float> = -1...1, seed: UInt64
    ) -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return uniform(shape, in: range, using: &generator)
    }

    /// Numbers from a normal distribution, in pairs by the polar method.
    ///
    /// Source: G. Marsaglia and T. Bray, "A Convenient Method for Generating Normal Variables",
    /// SIAM Review 6(3), 1964. No number is farther than 9 standard deviations from the mean.
    ///
    /// - Parameters:
    ///   - shape: Lengths of at least 0.
    ///   - mean: The mean.
    ///   - standardDeviation: At least 0.
    ///   - generator: Gives two times 64 bits for each try at a pair.
    public static func normal(
        _ shape: [Int], mean: Float = 0, standardDeviation: Float = 1,
        using generator: inout some RandomNumberGenerator
    ) -> Tensor {
        let elements = FloatArray(count: count(shape)) { elements in
            for index in stride(from: 0, to: elements.count, by: 2) {
                let (first, second) = normalPair(&generator)
                elements[index] = Float(Double(mean) + Double(standardDeviation) * first)
                if index + 1 < elements.count {
                    elements[index + 1] =
                        Float(Double(mean) + Double(standardDeviation) * second)
                }
            }
        }
        return Tensor(shape: shape, elements: elements)
    }

    /// Numbers from a normal distribution by a generator of their own.
    public static func normal(
        _ shape: [Int], mean: Float = 0, standardDeviation: Float = 1, seed: UInt64
    ) -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return normal(
            shape, mean: mean, standardDeviation: standardDeviation, using: &generator)
    }

    /// Two independent numbers of mean 0 and variance 1.
    private static func normalPair(
        _ generator: inout some RandomNumberGenerator
    ) -> (Double, Double) {
        while true {
            let x = Double(generator.next() >> 11) * 0x1p-52 - 1
            let y = Double(generator.next() >> 11) * 0x1p-52 - 1
            let square = x * x + y * y
            guard square < 1, square > 0 else { continue }
            let factor = (-2 * Foundation.log(square) / square).squareRoot()
            return (x * factor, y * factor)
        }
    }
}

extension Tensor {
    /// The place of a dimension that may be counted from the end, −1 being the last.
    ///
    /// - Parameter count: The number of dimensions, by default this tensor's.
    package func place(of axis: Int, of count: Int? = nil) -> Int {
        let count = count ?? rank
        precondition(axis >= -count && axis < count, "shape \(shape) has no axis \(axis)")
        return axis < 0 ? axis + count : axis
    }

    /// The number of elements.
    public var count: Int { storage.count }

    /// The number of dimensions.
    public var rank: Int { shape.count }

    /// The only element.
    public var item: Float {
        precondition(count == 1, "shape \(shape) holds more than one element, or none")
        return storage[0]
    }

    /// The element at an index per dimension, each within its dimension.
    ///
    /// A tensor that is changed forgets how it was computed.
    public subscript(indices: Int...) -> Float {
        get { storage[offset(of: indices)] }
        set {
            node = nil
            storage[offset(of: indices)] = newValue
        }
    }

    /// Elements of a slice along the first dimension: the product of the other lengths.
    public var rowLength: Int { shape.dropFirst().reduce(1, *) }

    private func offset(of indices: [Int]) -> Int {
        precondition(indices.count == shape.count, "\(indices) does not index shape \(shape)")
        var offset = 0
        for (index, length) in zip(indices, shape) {
            precondition(index >= 0 && index < length, "\(indices) is outside shape \(shape)")
            offset = offset * length + index
        }
        return order.place(of: offset)
    }
}
