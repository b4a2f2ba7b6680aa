import HalftoneKernels

// Gradients flow to the elements that were chosen. NaN counts as the largest number; of equal
// ones the earlier comes first.

extension Tensor {
    /// The places of the elements in rising or falling order along an axis.
    public func argsorted(axis: Int = -1, descending: Bool = false) -> IndexTensor {
        ranked(axis, descending, count: nil)
    }

    /// The elements in rising or falling order along an axis, and where they were.
    public func sorted(
        axis: Int = -1, descending: Bool = false
    ) -> (values: Tensor, indices: IndexTensor) {
        let indices = argsorted(axis: axis, descending: descending)
        return (gathering(indices, axis: axis), indices)
    }

    /// The largest elements along an axis, the largest first, and where they were.
    ///
    /// - Parameters:
    ///   - count: At most the length of the axis.
    ///   - axis: The axis; negative ones count from the last.
    public func top(
        _ count: Int, axis: Int = -1
    ) -> (values: Tensor, indices: IndexTensor) {
        let length = shape[place(of: axis)]
        precondition(count >= 0 && count <= length, "an axis of \(length) has no \(count) largest")
        let indices = ranked(axis, true, count: count)
        return (gathering(indices, axis: axis), indices)
    }

    /// Where the largest element is along an axis, which goes away.
    public func argmax(axis: Int = -1) -> IndexTensor { extremePlaces(axis, descending: true) }

    /// Where the smallest element is along an axis, which goes away.
    public func argmin(axis: Int = -1) -> IndexTensor { extremePlaces(axis, descending: false) }

    private func extremePlaces(_ axis: Int, descending: Bool) -> IndexTensor {
        let place = place(of: axis)
        precondition(shape[place] > 0, "an axis of length 0 has no extreme")
        var kept = shape
        kept.remove(at: place)
        let (length, inner) = (shape[place], shape[(place + 1)...].reduce(1, *))
        let values = elements.span
        let result = (0..<kept.reduce(1, *)).map { line in
            let start = line / inner * length * inner + line % inner
            var best = 0
            for step in 1..<Swift.max(length, 1)
            where Self.precedes(
                values[start + step * inner], values[start + best * inner], descending)
            {
                best = step
            }
            return Int32(best)
        }
        return IndexTensor(shape: kept, elements: result)
    }

    /// The places along an axis in order, or the first few of them.
    private func ranked(_ axis: Int, _ descending: Bool, count: Int?) -> IndexTensor {
        let place = place(of: axis)
        let (length, inner) = (shape[place], shape[(place + 1)...].reduce(1, *))
        let kept = count ?? length
        var result = shape
        result[place] = kept
        var indices = [Int32](repeating: 0, count: result.reduce(1, *))
        let values = elements.span
        var run: [(value: Float, place: Int32)] = []
        // Enough to be sorted seldom; what comes behind the first ones is forgotten then.
        let most = kept < length / 4 ? 2 * kept + 64 : length
        run.reserveCapacity(most)
        for line in 0..<(kept == 0 ? 0 : indices.count / kept) {
            let (outer, last) = (line / inner, line % inner)
            run.removeAll(keepingCapacity: true)
            var bound: Float?
            func order() {
                run.sort {
                    Self.precedes($0.value, $1.value, descending)
                        || (!Self.precedes($1.value, $0.value, descending) && $0.place < $1.place)
                }
            }
            for step in 0..<length {
                let value = values[(outer * length + step) * inner + last]
                // Of equal ones the earlier comes first, so that a later one changes nothing.
                if let bound, !Self.precedes(value, bound, descending) { continue }
                run.append((value, Int32(step)))
                guard run.count == most, step < length - 1 else { continue }
                order()
                run.removeLast(most - kept)
                bound = run[kept - 1].value
            }
            order()
            for step in 0..<kept { indices[(outer * kept + step) * inner + last] = run[step].place }
        }
        return IndexTensor(shape: result, elements: indices)
    }

    private static func precedes(_ first: Float, _ second: Float, _ descending: Bool) -> Bool {
        let (low, high) = descending ? (second, first) : (first, second)
        return low < high || (high.isNaN && !low.isNaN)
    }
}
