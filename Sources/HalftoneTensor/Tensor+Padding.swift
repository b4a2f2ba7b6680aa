import HalftoneKernels

/// What lies beyond the ends of an axis.
public enum Padding: Sendable, Hashable {
    /// A number.
    case constant(Float)
    /// The elements mirrored at the first and the last, which are not repeated; less than the
    /// length of the axis.
    case reflect
    /// The first and the last element.
    case replicate
    /// The elements from the other end; at most the length of the axis.
    case circular
}

extension Tensor {
    /// Longer axes.
    ///
    /// - Parameters:
    ///   - amounts: How many elements go before and after each axis, for the last axes of the
    ///     shape; none is negative.
    ///   - padding: What they are.
    public func padded(
        _ amounts: [(before: Int, after: Int)], _ padding: Padding = .constant(0)
    ) -> Tensor {
        precondition(
            amounts.count <= rank && amounts.allSatisfy { $0.before >= 0 && $0.after >= 0 },
            "the amounts do not fit shape \(shape)")
        let first = rank - amounts.count
        if case .constant(let value) = padding { return padded(amounts, first, value) }
        var result = self
        for (number, amount) in amounts.enumerated() where amount.before + amount.after > 0 {
            let places = Self.sources(shape[first + number], amount, padding)
            result = result.selecting(
                IndexTensor(shape: [places.count], elements: places), axis: first + number)
        }
        return result
    }

    private func padded(
        _ amounts: [(before: Int, after: Int)], _ first: Int, _ value: Float
    ) -> Tensor {
        var shape = shape
        for (number, amount) in amounts.enumerated() {
            shape[first + number] += amount.before + amount.after
        }
        let strides = Self.rowMajorStrides(shape)
        var offset = 0
        for (number, amount) in amounts.enumerated() {
            offset += amount.before * strides[first + number]
        }
        let copy = StridedCopy(shape: self.shape, strides: strides, offset: offset)
        var result = FloatArray(repeating: value, count: shape.reduce(1, *))
        copy.scatter(elements, to: &result)
        return Self.recorded(shape, result, from: [self]) { step in
            step.add(copy.gather(step.upstream), to: 0)
        }
    }

    /// Where each element along a padded axis comes from.
    private static func sources(
        _ length: Int, _ amount: (before: Int, after: Int), _ padding: Padding
    ) -> [Int32] {
        let most = Swift.max(amount.before, amount.after)
        precondition(length > 0, "an empty axis has nothing to repeat")
        return (-amount.before..<length + amount.after).map { place in
            switch padding {
            case .constant: preconditionFailure("a constant comes from nowhere")
            case .replicate: return Int32(Swift.min(Swift.max(place, 0), length - 1))
            case .circular:
                precondition(most <= length, "padding of \(most) is longer than \(length)")
                return Int32((place + length) % length)
            case .reflect:
                precondition(most < length, "padding of \(most) mirrors only \(length)")
                let place = Swift.abs(place)
                return Int32(place < length ? place : 2 * (length - 1) - place)
            }
        }
    }
}
