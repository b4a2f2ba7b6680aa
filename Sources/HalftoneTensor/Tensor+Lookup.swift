import HalftoneKernels

// Indices count from 0; one outside its axis is a mistake of the caller. Gradients are added in
// the order of the indices.

extension Tensor {
    /// The slices at some indices along an axis.
    ///
    /// - Parameters:
    ///   - indices: Of any shape, which takes the place of the axis.
    ///   - axis: Where they count.
    public func selecting(_ indices: IndexTensor, axis: Int = 0) -> Tensor {
        let place = place(of: axis)
        let lookup = lookup(place)
        let list = indices.elements
        let shape = shape[..<place] + indices.shape + self.shape[(place + 1)...]
        return Self.recorded(Array(shape), lookup.slices(elements, list), from: [self]) { step in
            let upstream = step.takeUpstream()
            step.update(0) { lookup.addSlices(upstream, list, to: &$0) }
        }
    }

    /// The rows of a table at some indices: `[…] → […, width]` with this table `[rows, width]`.
    ///
    /// The gradient touches only the rows that were looked up.
    public func embedding(_ indices: IndexTensor) -> Tensor {
        precondition(rank == 2, "a table has two dimensions, not shape \(shape)")
        return selecting(indices)
    }

    /// The elements at an index each along an axis: `y[i, j, k] = x[i, index[i, j, k], k]`.
    ///
    /// - Parameters:
    ///   - indices: In this tensor's shape but for the axis.
    ///   - axis: The axis; negative ones count from the last.
    public func gathering(_ indices: IndexTensor, axis: Int) -> Tensor {
        let place = place(of: axis)
        check(indices, place)
        let lookup = lookup(place)
        let (list, count) = (indices.elements, indices.shape[place])
        let value = lookup.elements(elements, list, count: count)
        return Self.recorded(indices.shape, value, from: [self]) { step in
            let upstream = step.takeUpstream()
            step.update(0) { lookup.addElements(upstream, list, count: count, to: &$0) }
        }
    }

    /// This tensor with elements added at an index each along an axis:
    /// `y[i, index[i, j, k], k] += source[i, j, k]`.
    ///
    /// - Parameters:
    ///   - source: In the shape of the indices.
    ///   - indices: In this tensor's shape but for the axis; may repeat.
    ///   - axis: The axis; negative ones count from the last.
    public func scatterAdding(_ source: Tensor, at indices: IndexTensor, axis: Int) -> Tensor {
        let place = place(of: axis)
        check(indices, place)
        precondition(source.shape == indices.shape, "there is an element for each index")
        let lookup = lookup(place)
        let (list, count) = (indices.elements, indices.shape[place])
        var value = elements
        lookup.addElements(source.elements, list, count: count, to: &value)
        return Self.recorded(shape, value, from: [self, source]) { step in
            if step.isWanted(1) {
                step.add(lookup.elements(step.upstream, list, count: count), to: 1)
            }
            step.add(step.takeUpstream(), to: 0)
        }
    }

    /// This tensor with slices added at some indices along an axis, which may repeat.
    ///
    /// - Parameters:
    ///   - source: In this tensor's shape, with as many slices as there are indices.
    ///   - indices: A row.
    ///   - axis: The axis; negative ones count from the last.
    public func scatterAddingSlices(
        _ source: Tensor, at indices: IndexTensor, axis: Int = 0
    ) -> Tensor {
        let place = place(of: axis)
        var expected = shape
        expected[place] = indices.count
        precondition(source.shape == expected, "there is a slice for each index")
        let lookup = lookup(place)
        let list = indices.elements
        var value = elements
        lookup.addSlices(source.elements, list, to: &value)
        return Self.recorded(shape, value, from: [self, source]) { step in
            if step.isWanted(1) { step.add(lookup.slices(step.upstream, list), to: 1) }
            step.add(step.takeUpstream(), to: 0)
        }
    }

    private func lookup(_ place: Int) -> Lookup {
        Lookup(
            outer: shape[..<place].reduce(1, *), length: shape[place],
            inner: shape[(place + 1)...].reduce(1, *))
    }

    private func check(_ indices: IndexTensor, _ place: Int) {
        var expected = shape
        if indices.shape.count == rank { expected[place] = indices.shape[place] }
        precondition(
            indices.shape == expected, "indices \(indices.shape) do not fit shape \(shape)")
    }
}
