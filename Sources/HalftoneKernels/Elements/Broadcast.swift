/// How two arrays line up with a result of one shape, NumPy's way.
///
/// Shapes are compared from the last dimension on; a length of 1, or a missing one, repeats.
/// Dimensions that can be walked as one are merged, and the last is the inner run.
package struct Broadcast: Sendable {
    /// Lengths of the merged dimensions, at least one.
    let lengths: [Int]
    /// Elements from one index to the next in each operand; 0 repeats.
    let first: [Int]
    let second: [Int]

    /// Elements of the result.
    package let count: Int

    /// Whether an operand lies as the result does.
    package let firstIsWhole: Bool
    package let secondIsWhole: Bool

    /// Lines two shapes up with the shape of their result.
    ///
    /// - Parameters:
    ///   - shape: As ``shape(_:_:)`` gives it, or a larger one that both repeat to.
    package init(_ first: [Int], _ second: [Int], shape: [Int]) {
        let one = Self.repeatingStrides(first, in: shape)
        let two = Self.repeatingStrides(second, in: shape)
        var merged: (lengths: [Int], first: [Int], second: [Int]) = ([], [], [])
        for axis in shape.indices where shape[axis] != 1 {
            if let last = merged.lengths.indices.last,
                merged.first[last] == one[axis] * shape[axis],
                merged.second[last] == two[axis] * shape[axis]
            {
                merged.lengths[last] *= shape[axis]
                merged.first[last] = one[axis]
                merged.second[last] = two[axis]
            } else {
                merged.lengths.append(shape[axis])
                merged.first.append(one[axis])
                merged.second.append(two[axis])
            }
        }
        if merged.lengths.isEmpty { merged = ([1], [1], [1]) }
        (lengths, self.first, self.second) = merged
        count = shape.reduce(1, *)
        firstIsWhole = first.reduce(1, *) == count
        secondIsWhole = second.reduce(1, *) == count
    }

    /// The shape of a result of two operands, or nil when they do not fit together.
    package static func shape(_ first: [Int], _ second: [Int]) -> [Int]? {
        if first == second { return first }
        let rank = max(first.count, second.count)
        var result = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let one = axis < first.count ? first[first.count - 1 - axis] : 1
            let two = axis < second.count ? second[second.count - 1 - axis] : 1
            guard one == two || one == 1 || two == 1 else { return nil }
            result[rank - 1 - axis] = one == 1 ? two : one
        }
        return result
    }

    /// Row-major strides of a shape within a larger one; 0 where it repeats.
    package static func repeatingStrides(_ shape: [Int], in whole: [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: whole.count)
        var stride = 1
        for axis in shape.indices.reversed() {
            let place = axis + whole.count - shape.count
            if shape[axis] != 1 || whole[place] == 1 { result[place] = stride }
            stride *= shape[axis]
        }
        return result
    }

    /// Calls a body for each inner run, or part of one, in a range of the result.
    ///
    /// - Parameter body: Gets the place in the result and in both operands, and the length.
    @inline(__always)
    func forEachRun(_ range: Range<Int>, _ body: (Int, Int, Int, Int) -> Void) {
        let last = lengths.count - 1
        let inner = lengths[last]
        guard !range.isEmpty else { return }
        var index = [Int](repeating: 0, count: lengths.count)
        var rest = range.lowerBound / inner
        var (one, two) = (0, 0)
        for axis in (0..<last).reversed() {
            index[axis] = rest % lengths[axis]
            rest /= lengths[axis]
            one += index[axis] * first[axis]
            two += index[axis] * second[axis]
        }
        var position = range.lowerBound
        var start = position % inner
        while position < range.upperBound {
            let count = min(inner - start, range.upperBound - position)
            body(position, one + start * first[last], two + start * second[last], count)
            position += count
            start = 0
            var axis = last - 1
            while axis >= 0 {
                index[axis] += 1
                one += first[axis]
                two += second[axis]
                if index[axis] < lengths[axis] { break }
                index[axis] = 0
                one -= first[axis] * lengths[axis]
                two -= second[axis] * lengths[axis]
                axis -= 1
            }
        }
    }
}
