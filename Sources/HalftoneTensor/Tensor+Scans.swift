import HalftoneKernels

extension Tensor {
    /// The sum of all elements up to each along an axis, itself included; summed in Double.
    public func cumulativeSum(axis: Int = -1) -> Tensor {
        let scan = scan(axis)
        return Self.recorded(shape, scan.sums(elements), from: [self]) { step in
            step.add(scan.sums(step.upstream, fromEnd: true), to: 0)
        }
    }

    /// The product of all elements up to each along an axis, itself included; in Double.
    ///
    /// The gradient is exact also where elements are 0.
    public func cumulativeProduct(axis: Int = -1) -> Tensor {
        let scan = scan(axis)
        let x = elements
        return Self.recorded(shape, scan.products(x), from: [self]) { step in
            step.add(scan.productsPullback(step.upstream, x), to: 0)
        }
    }

    /// The largest of all elements up to each along an axis, itself included, and where it is.
    ///
    /// Of equal ones the first counts, and NaN is the largest.
    public func cumulativeMax(axis: Int = -1) -> (values: Tensor, indices: IndexTensor) {
        let places = IndexTensor(shape: shape, elements: scan(axis).maxima(elements).places)
        return (gathering(places, axis: axis), places)
    }

    private func scan(_ axis: Int) -> Scan {
        let place = place(of: axis)
        return Scan(
            outer: shape[..<place].reduce(1, *), length: shape[place],
            inner: shape[(place + 1)...].reduce(1, *))
    }
}
