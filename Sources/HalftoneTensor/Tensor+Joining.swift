import HalftoneKernels

extension Tensor {
    /// Tensors one after another along an axis.
    ///
    /// - Parameters:
    ///   - parts: At least one; all but the axis alike.
    ///   - axis: Where they are joined.
    public static func concatenate(_ parts: [Tensor], axis: Int = 0) -> Tensor {
        precondition(!parts.isEmpty, "nothing to concatenate")
        let place = parts[0].place(of: axis)
        var shape = parts[0].shape
        for part in parts.dropFirst() {
            var other = part.shape
            precondition(other.count == shape.count, "shapes \(shape) and \(other) do not join")
            shape[place] += other[place]
            other[place] = shape[place]
            precondition(other == shape, "shapes \(shape) and \(other) do not join")
        }
        let strides = rowMajorStrides(shape)
        var value = FloatArray(uninitializedCount: shape.reduce(1, *))
        var copies: [StridedCopy] = []
        var start = 0
        for part in parts {
            let copy = StridedCopy(
                shape: part.shape, strides: strides, offset: start * strides[place])
            copy.scatter(part.elements, to: &value)
            copies.append(copy)
            start += part.shape[place]
        }
        return recorded(shape, value, from: parts) { [copies] step in
            for (index, copy) in copies.enumerated() where step.isWanted(index) {
                step.add(copy.gather(step.upstream), to: index)
            }
        }
    }

    /// Tensors of one shape along a new axis.
    ///
    /// - Parameters:
    ///   - parts: Tensors of one shape.
    ///   - axis: Its place in the new shape.
    public static func stack(_ parts: [Tensor], axis: Int = 0) -> Tensor {
        concatenate(parts.map { $0.unsqueezed(axis) }, axis: axis)
    }

    /// Parts of given lengths along an axis.
    ///
    /// - Parameters:
    ///   - lengths: Their sum is that of the axis.
    ///   - axis: The axis; negative ones count from the last.
    public func split(_ lengths: [Int], axis: Int = 0) -> [Tensor] {
        precondition(
            lengths.reduce(0, +) == shape[place(of: axis)],
            "lengths \(lengths) do not make up axis \(axis) of shape \(shape)")
        var start = 0
        return lengths.map { length in
            defer { start += length }
            return sliced(axis: axis, start..<start + length)
        }
    }

    /// Parts of equal length along an axis.
    ///
    /// - Parameters:
    ///   - parts: Divides the length of the axis.
    ///   - axis: The axis; negative ones count from the last.
    public func split(into parts: Int, axis: Int = 0) -> [Tensor] {
        let length = shape[place(of: axis)]
        precondition(parts > 0 && length % parts == 0, "\(parts) does not divide \(length)")
        return split([Int](repeating: length / parts, count: parts), axis: axis)
    }
}
