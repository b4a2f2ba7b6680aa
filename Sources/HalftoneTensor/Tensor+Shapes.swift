import HalftoneKernels

extension Tensor {
    /// The same elements in another shape of as many.
    ///
    /// - Parameter shape: At most one length may be −1: it becomes what the others leave.
    public func reshaped(_ shape: [Int]) -> Tensor {
        let shape = Self.resolved(shape, count: count)
        precondition(
            shape.reduce(1, *) == count, "shape \(shape) does not hold \(count) elements")
        return Self.recorded(shape, elements, from: [self]) { step in
            step.add(step.takeUpstream(), to: 0)
        }
    }

    /// Replaces a length of −1 by what the others leave.
    static func resolved(_ shape: [Int], count: Int) -> [Int] {
        guard let open = shape.firstIndex(of: -1) else { return shape }
        var shape = shape
        shape[open] = 1
        let known = shape.reduce(1, *)
        precondition(known > 0 && count % known == 0, "no length makes \(shape) hold \(count)")
        shape[open] = count / known
        return shape
    }

    /// The axes in another order, copied.
    ///
    /// - Parameter order: Which axis comes first, second and so on; each once.
    public func transposed(_ order: [Int]) -> Tensor {
        let order = order.map { place(of: $0) }
        precondition(
            order.sorted() == Array(shape.indices), "\(order) is no order of shape \(shape)")
        var back = order
        for (place, axis) in order.enumerated() { back[axis] = place }
        let result = order.map { shape[$0] }
        let value = Self.permuted(elements, shape, order)
        return Self.recorded(result, value, from: [self]) { [back] step in
            step.add(Self.permuted(step.takeUpstream(), result, back), to: 0)
        }
    }

    /// The last two axes in the other order, copied.
    public func transposed() -> Tensor { swappingAxes(-1, -2) }

    /// Two axes in each other's place, copied.
    public func swappingAxes(_ first: Int, _ second: Int) -> Tensor {
        var order = Array(shape.indices)
        order.swapAt(place(of: first), place(of: second))
        return transposed(order)
    }

    /// The elements repeated along axes of length 1 and new leading ones, copied.
    public func expanded(to shape: [Int]) -> Tensor {
        let old = self.shape
        precondition(
            Broadcast.shape(old, shape) == shape, "shape \(old) does not repeat to \(shape)")
        let value = Self.repeated(elements, from: old, to: shape)
        return Self.recorded(shape, value, from: [self]) { step in
            step.add(Self.summed(step.takeUpstream(), from: shape, to: old), to: 0)
        }
    }

    /// Without an axis of length 1.
    public func squeezed(_ axis: Int) -> Tensor {
        var shape = shape
        let length = shape.remove(at: place(of: axis))
        precondition(length == 1, "axis \(axis) of shape \(self.shape) is not of length 1")
        return reshaped(shape)
    }

    /// With one more axis of length 1.
    ///
    /// - Parameter axis: Its place in the new shape.
    public func unsqueezed(_ axis: Int) -> Tensor {
        var shape = shape
        shape.insert(1, at: place(of: axis, of: rank + 1))
        return reshaped(shape)
    }

    private static func permuted(_ x: FloatArray, _ shape: [Int], _ order: [Int]) -> FloatArray {
        let strides = rowMajorStrides(shape)
        let copy = StridedCopy(shape: order.map { shape[$0] }, strides: order.map { strides[$0] })
        return copy.gather(x)
    }

    /// Elements from one index to the next along each axis.
    package static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        }
        return strides
    }
}
