import HalftoneKernels

/// Which of a Fourier transform and its inverse divides, and by what.
public enum FourierScale: Sendable, Hashable, CaseIterable {
    /// The inverse by the number of points.
    case inverse
    /// Both by the root of the number of points, which makes the transform unitary.
    case both
    /// The forward transform by the number of points.
    case forward

    /// The factor of a transform of some points.
    func factor(points: Int, isInverse: Bool) -> Float {
        switch self {
        case .inverse: isInverse ? 1 / Float(points) : 1
        case .both: 1 / Float(points).squareRoot()
        case .forward: isInverse ? 1 : 1 / Float(points)
        }
    }
}

extension Tensor {
    /// The Fourier transform of complex numbers, which are pairs along the last axis.
    ///
    /// `y[k] = scale · Σ_t x[t] · e^(−2πi·k·t/n)`, with plus for the inverse. Any length takes
    /// O(n log n).
    ///
    /// - Parameters:
    ///   - axes: Along which; counted without the axis of pairs, from the end when negative.
    ///   - isInverse: Whether the inverse is wanted.
    ///   - scale: Which of the two divides.
    /// - Returns: Of the same shape `[…, 2]`.
    public func fourierTransformed(
        axes: [Int] = [-1], isInverse: Bool = false, scale: FourierScale = .inverse
    ) -> Tensor {
        precondition(
            rank >= 2 && shape[rank - 1] == 2, "\(shape) has no pairs along its last axis")
        return axes.reduce(self) { result, axis in
            let place = place(of: axis, of: rank - 1)
            guard place != rank - 2 else { return result.transformed(isInverse, scale) }
            return result.swappingAxes(place, rank - 2).transformed(isInverse, scale)
                .swappingAxes(place, rank - 2)
        }
    }

    /// The transform along the last axis but one.
    private func transformed(_ isInverse: Bool, _ scale: FourierScale) -> Tensor {
        let length = shape[rank - 2]
        let factor = scale.factor(points: length, isInverse: isInverse)
        @Sendable func transform(_ x: FloatArray, isInverse: Bool) -> FloatArray {
            let transform = FourierTransform(
                length: length, isInverse: isInverse, scale: factor, pool: .current)
            return FloatArray(count: x.count) { transform.transform(x.span, into: &$0) }
        }
        return Self.recorded(shape, transform(elements, isInverse: isInverse), from: [self]) {
            step in
            // The transpose of the map of pairs is the conjugate transform.
            step.add(transform(step.takeUpstream(), isInverse: !isInverse), to: 0)
        }
    }

    /// The Fourier transform of real numbers: the half of the spectrum that determines the rest.
    ///
    /// - Parameters:
    ///   - axis: Along which, at least one element long.
    ///   - scale: Which of transform and inverse divides.
    /// - Returns: `[…, n / 2 + 1, …, 2]`, the pairs along a new last axis.
    public func realFourierTransformed(axis: Int = -1, scale: FourierScale = .inverse) -> Tensor {
        let place = place(of: axis)
        let pairs = Tensor.stack([self, .zeros(shape)], axis: -1)
        return pairs.fourierTransformed(axes: [place], scale: scale)
            .sliced(axis: place, 0..<shape[place] / 2 + 1)
    }

    /// The real numbers whose transform has a given first half; undoes
    /// ``realFourierTransformed(axis:scale:)``.
    ///
    /// Imaginary parts where a real signal has none (at 0, and at `length / 2` of an even length)
    /// do not count.
    ///
    /// - Parameters:
    ///   - length: Points of the result; the half spectrum has `length / 2 + 1`.
    ///   - axis: Along which; counted without the axis of pairs.
    ///   - scale: Which of transform and inverse divides.
    /// - Returns: Without the axis of pairs.
    public func inverseRealFourierTransformed(
        length: Int, axis: Int = -1, scale: FourierScale = .inverse
    ) -> Tensor {
        let place = place(of: axis, of: rank - 1)
        precondition(
            length >= 1 && shape[place] == length / 2 + 1,
            "\(length) points need \(length / 2 + 1) of the spectrum, not shape \(shape)")
        var whole = self
        if length > 2 {
            // The rest is the conjugate, backwards.
            let conjugate = Tensor(shape: [2], elements: [1, -1] as FloatArray)
            let rest = sliced(axis: place, 1..<(length + 1) / 2).reversed(axis: place) * conjugate
            whole = Tensor.concatenate([self, rest], axis: place)
        }
        return whole.fourierTransformed(axes: [place], isInverse: true, scale: scale)
            .sliced(axis: -1, 0..<1).squeezed(-1)
    }
}
