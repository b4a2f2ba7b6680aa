import HalftoneKernels

/// What to take along one axis.
public struct AxisSlice: Sendable, Hashable {
    private let start: Int?
    private let end: Int?
    private let step: Int
    /// Whether the axis goes away.
    let isSingle: Bool

    /// Everything.
    public static let all = AxisSlice(start: nil, end: nil, step: 1, isSingle: false)

    /// One index, counted from the end when negative; the axis goes away.
    public static func at(_ index: Int) -> AxisSlice {
        AxisSlice(start: index, end: nil, step: 1, isSingle: true)
    }

    /// The indices of a range.
    public static func range(_ range: Range<Int>) -> AxisSlice {
        from(range.lowerBound, to: range.upperBound)
    }

    /// Every so many indices between two ends.
    ///
    /// - Parameters:
    ///   - start: The first index, counted from the end when negative; nil for the first of all,
    ///     or the last when going backwards.
    ///   - end: Not reached; nil for as far as there is.
    ///   - step: Not 0; below 0 goes backwards. Ends outside the axis are moved to it.
    public static func from(_ start: Int?, to end: Int? = nil, by step: Int = 1) -> AxisSlice {
        precondition(step != 0, "a step of 0 goes nowhere")
        return AxisSlice(start: start, end: end, step: step, isSingle: false)
    }

    /// The first index, the step and how many there are along an axis.
    func resolved(_ length: Int) -> (first: Int, step: Int, count: Int) {
        if isSingle {
            let first = start! < 0 ? start! + length : start!
            precondition(first >= 0 && first < length, "index \(start!) is outside \(length)")
            return (first, 1, 1)
        }
        let bounds = step > 0 ? 0...length : -1...length - 1
        func place(_ index: Int?, _ other: Int) -> Int {
            guard let index else { return other }
            let place = index < 0 ? index + length : index
            return Swift.min(Swift.max(place, bounds.lowerBound), bounds.upperBound)
        }
        let first = place(start, step > 0 ? 0 : length - 1)
        let end = place(end, step > 0 ? length : -1)
        let span = step > 0 ? end - first : first - end
        let size = Swift.abs(step)
        return (first, step, span > 0 ? (span + size - 1) / size : 0)
    }
}

extension Tensor {
    /// A part along each axis, copied.
    ///
    /// - Parameter slices: One per axis from the first on; what is missing is taken whole.
    public func sliced(_ slices: AxisSlice...) -> Tensor { sliced(slices) }

    /// A part along each axis, copied; see ``sliced(_:)-(AxisSlice...)``.
    public func sliced(_ slices: [AxisSlice]) -> Tensor {
        precondition(slices.count <= rank, "more slices than axes in shape \(shape)")
        let strides = Self.rowMajorStrides(shape)
        var (whole, result, steps, offset) = ([Int](), [Int](), [Int](), 0)
        for axis in shape.indices {
            let slice = axis < slices.count ? slices[axis] : .all
            let (first, step, count) = slice.resolved(shape[axis])
            offset += first * strides[axis]
            steps.append(step * strides[axis])
            whole.append(count)
            if !slice.isSingle { result.append(count) }
        }
        if whole == shape, steps == strides { return reshaped(result) }
        let copy = StridedCopy(shape: whole, strides: steps, offset: offset)
        return Self.recorded(result, copy.gather(elements), from: [self]) { step in
            let upstream = step.takeUpstream()
            step.update(0) { copy.scatterAdd(upstream, to: &$0) }
        }
    }

    /// A range of indices along one axis, copied.
    public func sliced(axis: Int, _ range: Range<Int>) -> Tensor {
        let place = place(of: axis)
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[place],
            "\(range) leaves axis \(axis) of shape \(shape)")
        return sliced([AxisSlice](repeating: .all, count: place) + [.range(range)])
    }

    /// One slice along the first dimension, without that dimension.
    public subscript(row index: Int) -> Tensor {
        rows(index..<index + 1).reshaped(Array(shape.dropFirst()))
    }

    /// Some slices along the first dimension.
    ///
    /// - Parameter range: Within the first dimension.
    public func rows(_ range: Range<Int>) -> Tensor {
        precondition(!shape.isEmpty, "a tensor without dimensions has no rows")
        return sliced(axis: 0, range)
    }

    /// The elements in reverse order along an axis.
    public func reversed(axis: Int) -> Tensor {
        let place = place(of: axis)
        return sliced([AxisSlice](repeating: .all, count: place) + [.from(nil, by: -1)])
    }
}
