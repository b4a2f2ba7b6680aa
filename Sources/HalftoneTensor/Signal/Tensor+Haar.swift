import HalftoneKernels

extension Tensor {
    /// Orthonormal Haar wavelet coefficients along an axis.
    ///
    /// The averages of the last level come first, then the differences from the coarsest level to
    /// the finest: as many as there were elements. See `HaarTransform`.
    ///
    /// - Parameters:
    ///   - levels: How often the averages are split; nil for as often as the length allows.
    ///   - axis: Along which.
    public func haarTransformed(levels: Int? = nil, axis: Int = -1) -> Tensor {
        haar(levels, axis, isInverse: false)
    }

    /// Undoes ``haarTransformed(levels:axis:)``.
    public func inverseHaarTransformed(levels: Int? = nil, axis: Int = -1) -> Tensor {
        haar(levels, axis, isInverse: true)
    }

    private func haar(_ levels: Int?, _ axis: Int, isInverse: Bool) -> Tensor {
        let place = place(of: axis)
        guard place == rank - 1 else {
            return swappingAxes(place, -1).haar(levels, -1, isInverse: isInverse)
                .swappingAxes(place, -1)
        }
        let length = shape[place]
        let transform = HaarTransform(
            length: length, levels: levels ?? HaarTransform.maximumLevels(length))
        return orthonormal(isInverse: isInverse) { span, isInverse in
            for offset in stride(from: 0, to: span.count, by: Swift.max(length, 1)) {
                if isInverse {
                    transform.inverse(&span, offset: offset)
                } else {
                    transform.forward(&span, offset: offset)
                }
            }
        }
    }

    /// Orthonormal Haar wavelet coefficients of images `[…, rows, columns]`.
    ///
    /// Each level splits rows and columns of the averages so far, which stay in the upper left
    /// corner; axes of length 1 are left as they are.
    ///
    /// - Parameter levels: At least 0; at most what the longer axis allows.
    public func haarTransformed2D(levels: Int = 1) -> Tensor {
        haar2D(levels, isInverse: false)
    }

    /// Undoes ``haarTransformed2D(levels:)``.
    public func inverseHaarTransformed2D(levels: Int = 1) -> Tensor {
        haar2D(levels, isInverse: true)
    }

    private func haar2D(_ levels: Int, isInverse: Bool) -> Tensor {
        precondition(rank >= 2, "images have rows and columns, not shape \(shape)")
        let (height, width) = (shape[rank - 2], shape[rank - 1])
        precondition(
            levels >= 0 && levels <= HaarTransform.maximumLevels(Swift.max(height, width)),
            "images of shape \(shape) have no \(levels) levels")
        let sizes = (0..<levels).map { level in
            ((height - 1) >> level + 1, (width - 1) >> level + 1)
        }
        return orthonormal(isInverse: isInverse) { span, isInverse in
            for offset in stride(from: 0, to: span.count, by: Swift.max(height * width, 1)) {
                for (rows, columns) in isInverse ? sizes.reversed() : sizes {
                    let across = HaarTransform(length: columns, levels: columns > 1 ? 1 : 0)
                    let down = HaarTransform(length: rows, levels: rows > 1 ? 1 : 0)
                    if isInverse {
                        for column in 0..<columns {
                            down.inverse(&span, offset: offset + column, stride: width)
                        }
                        for row in 0..<rows { across.inverse(&span, offset: offset + row * width) }
                    } else {
                        for row in 0..<rows { across.forward(&span, offset: offset + row * width) }
                        for column in 0..<columns {
                            down.forward(&span, offset: offset + column, stride: width)
                        }
                    }
                }
            }
        }
    }

    /// A map whose inverse is its transpose, in place.
    private func orthonormal(
        isInverse: Bool, _ body: @escaping @Sendable (inout MutableSpan<Float>, Bool) -> Void
    ) -> Tensor {
        var result = elements
        var span = result.mutableSpan
        body(&span, isInverse)
        return Self.recorded(shape, result, from: [self]) { step in
            var gradient = step.takeUpstream()
            var span = gradient.mutableSpan
            body(&span, !isInverse)
            step.add(gradient, to: 0)
        }
    }
}
