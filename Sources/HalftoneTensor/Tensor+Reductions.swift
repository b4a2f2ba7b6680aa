import HalftoneKernels

// Axes may be counted from the end. Sums are made of partial sums whose borders depend on the
// shape alone; see `Reduction`.

extension Tensor {
    /// The sum along some axes, by default all.
    ///
    /// - Parameters:
    ///   - axes: Each at most once; nil for all.
    ///   - keepDimensions: Whether they stay, with length 1.
    public func sum(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
        let places = places(of: axes)
        let kept = keptShape(places)
        // A sum over pixels or channels lies row by row, whatever the order of what is summed.
        let isOrdered = order == .rowMajor || places.contains(1) || places.suffix(2) == [2, 3]
        let order = isOrdered ? order : .rowMajor
        let (from, lies) = (order.physical(kept), order.physical(shape))
        let value = Self.reduce(
            .sum, storage(in: order), shape: lies, axes: places.map { order.physical(axis: $0) })
        return Self.recorded(
            keepDimensions ? kept : removing(places), value, from: [self]
        ) { step in
            let gradient = Self.repeated(step.takeUpstream(), from: from, to: lies)
            step.add(gradient, in: order, to: 0)
        }
    }

    /// The mean along some axes, by default all; NaN of no elements.
    public func mean(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
        let number = places(of: axes).reduce(1) { $0 * shape[$1] }
        return sum(axes: axes, keepDimensions: keepDimensions) * (1 / Float(number))
    }

    /// The mean squared distance from the mean along some axes, by default all.
    ///
    /// - Parameters:
    ///   - axes: The axes to reduce; nil for all.
    ///   - correction: Taken from the number of elements that is divided by; 1 for an estimate from
    ///     a sample.
    ///   - keepDimensions: Whether reduced axes stay, with length 1.
    public func variance(
        axes: [Int]? = nil, correction: Int = 0, keepDimensions: Bool = false
    ) -> Tensor {
        let number = places(of: axes).reduce(1) { $0 * shape[$1] }
        let squares = (self - mean(axes: axes, keepDimensions: true)).squared()
        return squares.sum(axes: axes, keepDimensions: keepDimensions)
            * (1 / Float(number - correction))
    }

    /// The largest along some axes, by default all; equal ones share the gradient.
    ///
    /// −∞ of no elements; NaN when one is.
    public func max(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
        extreme(.maximum, axes, keepDimensions)
    }

    /// The smallest along some axes, by default all; equal ones share the gradient.
    ///
    /// ∞ of no elements; NaN when one is.
    public func min(axes: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
        extreme(.minimum, axes, keepDimensions)
    }

    private func extreme(_ kind: Reduction, _ axes: [Int]?, _ keepDimensions: Bool) -> Tensor {
        let places = places(of: axes)
        let kept = keptShape(places)
        let value = Self.reduce(kind, elements, shape: shape, axes: places)
        let x = stopGradient()
        return Self.recorded(
            keepDimensions ? kept : removing(places), value, from: [self]
        ) { step in
            let isExtreme = x .== Tensor(shape: kept, elements: value)
            let shares =
                Tensor(shape: kept, elements: step.takeUpstream())
                / isExtreme.sum(axes: places, keepDimensions: true)
            step.add((isExtreme * shares).elements, to: 0)
        }
    }

    /// Axes counted from the start, in rising order.
    package func places(of axes: [Int]?) -> [Int] {
        guard let axes else { return Array(shape.indices) }
        let places = axes.map { place(of: $0) }.sorted()
        precondition(Set(places).count == places.count, "axes \(axes) name one twice")
        return places
    }

    private func keptShape(_ places: [Int]) -> [Int] {
        shape.indices.map { places.contains($0) ? 1 : shape[$0] }
    }

    private func removing(_ places: [Int]) -> [Int] {
        shape.indices.filter { !places.contains($0) }.map { shape[$0] }
    }

    /// Reduces neighbouring axes together, the last ones first.
    package static func reduce(
        _ kind: Reduction, _ x: FloatArray, shape: [Int], axes: [Int]
    ) -> FloatArray {
        var shape = shape
        var value = x
        var end = shape.count
        while end > 0 {
            guard axes.contains(end - 1) else {
                end -= 1
                continue
            }
            var first = end - 1
            while first > 0, axes.contains(first - 1) { first -= 1 }
            let length = shape[first..<end].reduce(1, *)
            if length != 1 {
                value = kind(
                    value, outer: shape[..<first].reduce(1, *), length: length,
                    inner: shape[end...].reduce(1, *))
            }
            for axis in first..<end { shape[axis] = 1 }
            end = first
        }
        return value
    }

    /// Repeats along dimensions of length 1 and missing leading ones.
    package static func repeated(
        _ x: FloatArray, from shape: [Int], to target: [Int]
    ) -> FloatArray {
        if shape.reduce(1, *) == target.reduce(1, *) { return x }
        return StridedCopy(
            shape: target, strides: Broadcast.repeatingStrides(shape, in: target)
        ).gather(x)
    }
}
