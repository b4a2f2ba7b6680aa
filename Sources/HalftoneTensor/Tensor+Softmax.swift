import HalftoneKernels

extension Tensor {
    /// `e^x / Σ e^x` along an axis; what is −∞ everywhere becomes zeros.
    public func softmax(axis: Int = -1) -> Tensor {
        alongLast(axis) { x in
            let width = x.shape[x.rank - 1]
            var value = x.elements
            RowFunctions.softmax(&value, width: width)
            return Self.recorded(x.shape, value, from: [x]) { [value] step in
                var gradient = step.takeUpstream()
                RowFunctions.softmaxPullback(&gradient, softmax: value, width: width)
                step.add(gradient, to: 0)
            }
        }
    }

    /// `x − log Σ e^x` along an axis.
    public func logSoftmax(axis: Int = -1) -> Tensor {
        alongLast(axis) { x in
            let width = x.shape[x.rank - 1]
            var value = x.elements
            RowFunctions.logSoftmax(&value, width: width)
            return Self.recorded(x.shape, value, from: [x]) { [value] step in
                var gradient = step.takeUpstream()
                RowFunctions.logSoftmaxPullback(&gradient, logSoftmax: value, width: width)
                step.add(gradient, to: 0)
            }
        }
    }

    /// `log Σ e^x` along an axis, without overflow; −∞ of no elements.
    public func logSumExp(axis: Int = -1, keepDimensions: Bool = false) -> Tensor {
        let place = place(of: axis)
        let x = place == rank - 1 ? self : swappingAxes(place, -1)
        let width = x.shape[rank - 1]
        let shape = x.shape.dropLast() + [1]
        let kept = x.elements
        let value = RowFunctions.logSumExp(kept, width: width, rows: shape.reduce(1, *))
        let result = Self.recorded(Array(shape), value, from: [x]) { step in
            step.add(
                RowFunctions.logSumExpPullback(
                    step.upstream, kept, logSum: value, width: width), to: 0)
        }
        let whole = place == rank - 1 ? result : result.swappingAxes(place, -1)
        return keepDimensions ? whole : whole.squeezed(place)
    }

    /// The cross-entropy of classes and logits: `log Σ e^x − x[target]`.
    ///
    /// Logits may be any finite numbers; nothing overflows. Neither the softmax nor its logarithm
    /// is kept.
    ///
    /// - Parameter targets: The shape without its last axis, whose length is the number of
    ///   classes. A negative target is left out: its loss and gradient are 0.
    /// - Returns: A loss for each target.
    public func crossEntropy(_ targets: IndexTensor) -> Tensor {
        precondition(
            rank > 0 && targets.shape == Array(shape.dropLast()),
            "targets \(targets.shape) do not fit logits \(shape)")
        let width = shape[rank - 1]
        let logits = elements
        let classes = targets.elements
        let (losses, logSums) = RowFunctions.crossEntropy(logits, targets: classes, width: width)
        return Self.recorded(targets.shape, losses, from: [self]) { step in
            step.add(
                RowFunctions.crossEntropyPullback(
                    step.upstream, logits, targets: classes, logSums: logSums, width: width),
                to: 0)
        }
    }

    /// Runs an operation along the last axis on another one.
    private func alongLast(_ axis: Int, _ body: (Tensor) -> Tensor) -> Tensor {
        let place = place(of: axis)
        if place == rank - 1 { return body(self) }
        return body(swappingAxes(place, -1)).swappingAxes(place, -1)
    }
}
