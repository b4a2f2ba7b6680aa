/// Copies between a contiguous array and one walked with any strides.
///
/// Transposes, slices, flips and repeats are all of this one form.
package struct StridedCopy: Sendable {
    private let lengths: [Int]
    private let strides: [Int]
    private let offset: Int

    /// Elements of the contiguous side.
    package let count: Int

    /// Describes how to walk.
    ///
    /// - Parameters:
    ///   - shape: Lengths of the contiguous array.
    ///   - strides: Elements of the other array from one index to the next; may be 0 or negative.
    ///   - offset: Where the first element lies in the other array.
    package init(shape: [Int], strides: [Int], offset: Int = 0) {
        var merged: (lengths: [Int], strides: [Int]) = ([], [])
        for (length, stride) in zip(shape, strides) where length != 1 {
            if let last = merged.lengths.indices.last, merged.strides[last] == stride * length {
                merged.lengths[last] *= length
                merged.strides[last] = stride
            } else {
                merged.lengths.append(length)
                merged.strides.append(stride)
            }
        }
        if merged.lengths.isEmpty { merged = ([1], [1]) }
        (lengths, self.strides) = merged
        self.offset = offset
        count = shape.reduce(1, *)
    }

    /// The elements of `x` in the order of the walk.
    package func gather(_ x: FloatArray) -> FloatArray {
        var result = FloatArray(uninitializedCount: count)
        guard count > 0 else { return result }
        check(x.count)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        let last = lengths.count - 1
        // Along the dimension that is contiguous in the source, when it is not the last one.
        let tall = strides[last] == 1 ? nil : strides.firstIndex(of: 1)
        let inner = tall.map { lengths[$0] * lengths[last] } ?? lengths[last]
        let grain = max(1, Elements.grain / inner)
        WorkerPool.current.each(count / inner, grain: grain) { range in
            var walk = Walk(lengths, strides, without: tall.map { [$0, last] } ?? [last])
            walk.move(to: range.lowerBound)
            for _ in range {
                let from = unsafe source.pointer + offset + walk.other
                let to = unsafe output.pointer + walk.place
                if let tall {
                    unsafe transpose(from, to, tall: tall, placeStride: walk.placeStrides[tall])
                } else {
                    unsafe copyRun(from, to, lengths[last], strides[last])
                }
                walk.next()
            }
        }
        return result
    }

    /// Adds contiguous elements to the places of the walk; places must differ from each other.
    package func scatterAdd(_ x: FloatArray, to target: inout FloatArray) {
        unsafe eachRun(of: x, to: &target) { from, to, count, stride in
            if stride == 1 {
                unsafe FloatRun.map(to, from, into: to, count: count) { $0 + $1 }
            } else {
                for index in 0..<count { unsafe to[index * stride] += from[index] }
            }
        }
    }

    /// Writes contiguous elements to the places of the walk.
    package func scatter(_ x: FloatArray, to target: inout FloatArray) {
        unsafe eachRun(of: x, to: &target) { from, to, count, stride in
            if stride == 1 {
                unsafe to.update(from: from, count: count)
            } else {
                for index in 0..<count { unsafe to[index * stride] = from[index] }
            }
        }
    }

    /// Calls a closure with contiguous elements, their places, their number and the places' stride.
    @inline(__always) @unsafe
    private func eachRun(
        of x: FloatArray, to target: inout FloatArray,
        _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int, Int) -> Void
    ) {
        precondition(x.count == count)
        guard count > 0 else { return }
        check(target.count)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(target.mutablePointer)
        let last = lengths.count - 1
        let (inner, stride) = (lengths[last], strides[last])
        let grain = max(1, Elements.grain / inner)
        WorkerPool.current.each(count / inner, grain: grain) { range in
            var walk = Walk(lengths, strides, without: [last])
            walk.move(to: range.lowerBound)
            for _ in range {
                unsafe body(
                    source.pointer + walk.place, output.pointer + offset + walk.other, inner, stride
                )
                walk.next()
            }
        }
    }

    private func check(_ available: Int) {
        var (least, largest) = (offset, offset)
        for (length, stride) in zip(lengths, strides) {
            if stride < 0 {
                least += (length - 1) * stride
            } else {
                largest += (length - 1) * stride
            }
        }
        precondition(least >= 0 && largest < available, "the walk leaves the array")
    }

    @unsafe
    private func copyRun(
        _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ count: Int, _ stride: Int
    ) {
        switch stride {
        case 1: unsafe to.update(from: from, count: count)
        case 0: unsafe to.update(repeating: from[0], count: count)
        default: for index in 0..<count { unsafe to[index] = from[index * stride] }
        }
    }

    /// Copies two dimensions in tiles, one contiguous in the source and the other in the result.
    @unsafe
    private func transpose(
        _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, tall: Int,
        placeStride: Int
    ) {
        let last = lengths.count - 1
        let (rows, columns, stride) = (lengths[tall], lengths[last], strides[last])
        let tile = 16
        for firstRow in Swift.stride(from: 0, to: rows, by: tile) {
            let endRow = min(firstRow + tile, rows)
            for firstColumn in Swift.stride(from: 0, to: columns, by: tile) {
                let endColumn = min(firstColumn + tile, columns)
                for row in firstRow..<endRow {
                    let line = unsafe to + row * placeStride
                    let source = unsafe from + row
                    for column in firstColumn..<endColumn {
                        unsafe line[column] = source[column * stride]
                    }
                }
            }
        }
    }
}

/// A walk over all dimensions but those left out, in row-major order.
private struct Walk {
    /// The place in the contiguous array and in the other one.
    private(set) var place = 0
    private(set) var other = 0
    let placeStrides: [Int]
    private let strides: [Int]
    private let lengths: [Int]
    private let axes: [Int]
    private var index: [Int]

    init(_ lengths: [Int], _ strides: [Int], without left: [Int]) {
        var places = [Int](repeating: 1, count: lengths.count)
        for axis in lengths.indices.dropLast().reversed() {
            places[axis] = places[axis + 1] * lengths[axis + 1]
        }
        placeStrides = places
        self.lengths = lengths
        self.strides = strides
        axes = lengths.indices.filter { !left.contains($0) }
        index = [Int](repeating: 0, count: lengths.count)
    }

    mutating func move(to step: Int) {
        var rest = step
        for axis in axes.reversed() {
            index[axis] = rest % lengths[axis]
            rest /= lengths[axis]
            place += index[axis] * placeStrides[axis]
            other += index[axis] * strides[axis]
        }
    }

    mutating func next() {
        var number = axes.count - 1
        while number >= 0 {
            let axis = axes[number]
            index[axis] += 1
            place += placeStrides[axis]
            other += strides[axis]
            if index[axis] < lengths[axis] { return }
            index[axis] = 0
            place -= placeStrides[axis] * lengths[axis]
            other -= strides[axis] * lengths[axis]
            number -= 1
        }
    }
}
