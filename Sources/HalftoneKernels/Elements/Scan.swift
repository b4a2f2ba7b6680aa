/// Running sums, products and maxima along one dimension of `[outer, length, inner]`.
///
/// Sums and products run in Double and are rounded as they are written.
package struct Scan: Sendable {
    let outer: Int
    let length: Int
    let inner: Int

    /// Describes the array.
    package init(outer: Int, length: Int, inner: Int) {
        self.outer = outer
        self.length = length
        self.inner = inner
    }

    /// `y[n] = Σ x[0 ... n]`, or from the end on.
    package func sums(_ x: FloatArray, fromEnd: Bool = false) -> FloatArray {
        unsafe scan(x) { source, output in
            var sum = 0.0
            for step in 0..<length {
                let place = (fromEnd ? length - 1 - step : step) * inner
                sum += unsafe Double(source.pointer[place])
                unsafe output.pointer[place] = Float(sum)
            }
        }
    }

    /// `y[n] = Π x[0 ... n]`.
    package func products(_ x: FloatArray) -> FloatArray {
        unsafe scan(x) { source, output in
            var product = 1.0
            for step in 0..<length {
                product *= unsafe Double(source.pointer[step * inner])
                unsafe output.pointer[step * inner] = Float(product)
            }
        }
    }

    /// The gradient of running products, also where numbers are 0.
    ///
    /// `∂/∂x[i] = Π x[0 ..< i] · r[i]` with `r[i] = g[i] + x[i + 1] · r[i + 1]`.
    package func productsPullback(_ upstream: FloatArray, _ x: FloatArray) -> FloatArray {
        precondition(upstream.count == x.count)
        let g = unsafe Shared(upstream.pointer)
        let base = unsafe Shared(x.pointer)
        return unsafe scan(x) { source, output in
            let offset = unsafe source.pointer - base.pointer
            var (rest, next) = (0.0, 0.0)
            for step in (0..<length).reversed() {
                let place = step * inner
                rest = unsafe Double(g.pointer[offset + place]) + next * rest
                next = unsafe Double(source.pointer[place])
                unsafe output.pointer[place] = Float(rest)
            }
            var product = 1.0
            for step in 0..<length {
                let place = step * inner
                unsafe output.pointer[place] = Float(Double(output.pointer[place]) * product)
                product *= unsafe Double(source.pointer[place])
            }
        }
    }

    /// The largest number so far, and where it first was; NaN stays the largest.
    package func maxima(_ x: FloatArray) -> (values: FloatArray, places: [Int32]) {
        var places = [Int32](repeating: 0, count: x.count)
        precondition(x.count == outer * length * inner)
        let values = FloatArray(count: x.count) { values in
            for line in 0..<outer * inner {
                let start = line / max(inner, 1) * length * inner + line % max(inner, 1)
                var (best, place) = (-Float.infinity, 0)
                for step in 0..<length {
                    let value = x[start + step * inner]
                    if step == 0 || value > best || (value.isNaN && !best.isNaN) {
                        (best, place) = (value, step)
                    }
                    values[start + step * inner] = best
                    places[start + step * inner] = Int32(place)
                }
            }
        }
        return (values, places)
    }

    @inline(__always)
    private func scan(
        _ x: FloatArray, _ body: (Shared, SharedMutable<Float>) -> Void
    ) -> FloatArray {
        precondition(x.count == outer * length * inner)
        var result = FloatArray(uninitializedCount: x.count)
        guard x.count > 0 else { return result }
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        WorkerPool.current.each(
            outer * inner, grain: max(1, Elements.grain / length)
        ) { range in
            for line in range {
                let start = line / inner * length * inner + line % inner
                unsafe body(Shared(source.pointer + start), SharedMutable(output.pointer + start))
            }
        }
        return result
    }
}
