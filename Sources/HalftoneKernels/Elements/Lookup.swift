/// Reads and sums along one dimension at places that an array of integers gives.
///
/// Arrays are seen as `[outer, length, inner]`. Places count from 0 and are checked first.
package struct Lookup: Sendable {
    private let outer: Int
    private let length: Int
    private let inner: Int

    /// Describes the array that is read.
    package init(outer: Int, length: Int, inner: Int) {
        self.outer = outer
        self.length = length
        self.inner = inner
    }

    /// Whole slices: `y[o, m, i] = x[o, index[m], i]`.
    package func slices(_ x: FloatArray, _ index: [Int32]) -> FloatArray {
        check(x.count, index)
        let count = index.count
        var result = FloatArray(uninitializedCount: outer * count * inner)
        guard result.count > 0 else { return result }
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        WorkerPool.current.each(outer * count, grain: max(1, Elements.grain / inner)) { range in
            for row in range {
                let from = row / count * length + Int(index[row % count])
                unsafe (output.pointer + row * inner).update(
                    from: source.pointer + from * inner, count: inner)
            }
        }
        return result
    }

    /// The reverse of ``slices(_:_:)``: adds each slice to where it came from, in order.
    package func addSlices(_ y: FloatArray, _ index: [Int32], to sum: inout FloatArray) {
        check(sum.count, index)
        let count = index.count
        precondition(y.count == outer * count * inner)
        guard y.count > 0 else { return }
        let source = unsafe Shared(y.pointer)
        let output = unsafe SharedMutable(sum.mutablePointer)
        // A thread owns columns of all slices, so that each sum keeps its order.
        let width = max(16, min(inner, 64))
        let blocks = (inner + width - 1) / width
        let grain = max(1, Elements.grain / (count * min(width, inner)))
        WorkerPool.current.each(outer * blocks, grain: grain) { range in
            for part in range {
                let (row, column) = (part / blocks, part % blocks * width)
                for place in 0..<count {
                    let from = unsafe source.pointer + (row * count + place) * inner + column
                    let target = row * length + Int(index[place])
                    let to = unsafe output.pointer + target * inner + column
                    unsafe FloatRun.map(to, from, into: to, count: min(width, inner - column)) {
                        $0 + $1
                    }
                }
            }
        }
    }

    /// Single elements: `y[o, m, i] = x[o, index[o, m, i], i]`.
    package func elements(_ x: FloatArray, _ index: [Int32], count: Int) -> FloatArray {
        check(x.count, index)
        precondition(index.count == outer * count * inner)
        var result = FloatArray(uninitializedCount: index.count)
        guard result.count > 0 else { return result }
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        WorkerPool.current.each(index.count, grain: Elements.grain) { range in
            for place in range {
                let from = (place / (count * inner) * length + Int(index[place])) * inner
                unsafe output.pointer[place] = source.pointer[from + place % inner]
            }
        }
        return result
    }

    /// The reverse of ``elements(_:_:count:)``: adds each element to where it came from, in order.
    package func addElements(
        _ y: FloatArray, _ index: [Int32], count: Int, to sum: inout FloatArray
    ) {
        check(sum.count, index)
        precondition(index.count == outer * count * inner && y.count == index.count)
        guard y.count > 0 else { return }
        let source = unsafe Shared(y.pointer)
        let output = unsafe SharedMutable(sum.mutablePointer)
        let run = count * inner
        WorkerPool.current.each(outer, grain: max(1, Elements.grain / run)) { range in
            for place in range.lowerBound * run..<range.upperBound * run {
                let to = (place / run * length + Int(index[place])) * inner + place % inner
                unsafe output.pointer[to] += source.pointer[place]
            }
        }
    }

    private func check(_ available: Int, _ index: [Int32]) {
        precondition(available == outer * length * inner)
        for place in index {
            precondition(place >= 0 && Int(place) < length, "index \(place) is outside \(length)")
        }
    }
}
