import HalftoneKernels

extension Tensor {
    /// The same numbers as a starting point that gradients can be asked for.
    ///
    /// What is computed from the result records how; a gradient never flows past it. Each call
    /// makes a new starting point.
    ///
    ///     let w = weight.tracked()
    ///     let loss = (x.matmul(w) - y).squared().mean()
    ///     let slope = loss.gradient(for: w)
    public func tracked() -> Tensor {
        Tensor(
            shape: shape, elements: storage, order: order, node: GradientNode(count: count))
    }

    /// The same numbers without a record: no gradient flows back through the result.
    public func stopGradient() -> Tensor {
        Tensor(shape: shape, elements: storage, order: order, node: nil)
    }

    /// Whether something tracked was part of the computation.
    public var isTracked: Bool { node != nil }

    /// The gradient of this tensor's sum with respect to another.
    ///
    /// - Parameter input: Tracked or computed from something tracked.
    /// - Returns: In the shape of `input`; zeros when this was not computed from it.
    /// - Complexity: About twice the computation that is recorded. The record is kept while this
    ///   tensor or one computed on the way lives; what nobody holds is released on the way back.
    public consuming func gradient(for input: Tensor) -> Tensor {
        gradients(for: [input])[0]
    }

    /// The gradients of a weighed sum of this tensor's elements with respect to others.
    ///
    /// - Parameters:
    ///   - inputs: Tracked or computed from something tracked.
    ///   - upstream: A weight per element in this tensor's shape; nil for ones.
    /// - Returns: Each in the shape of its input; zeros where this was not computed from it.
    public consuming func gradients(for inputs: [Tensor], upstream: Tensor? = nil) -> [Tensor] {
        precondition(
            upstream == nil || upstream!.shape == shape,
            "the upstream gradient has the tensor's shape")
        guard let root = node else { return inputs.map { .zeros($0.shape) } }
        let weights = upstream?.elements ?? FloatArray(repeating: 1, count: count)
        node = nil
        let results = GradientStep.gradients(of: root, upstream: weights, for: inputs.map(\.node))
        return zip(inputs, results).map { input, result in
            result.map { Tensor(shape: input.shape, elements: $0) } ?? .zeros(input.shape)
        }
    }

    /// A value computed from tensors together with its gradients.
    ///
    /// Nothing else can hold the record, so its memory is released as the gradients proceed.
    ///
    /// - Parameters:
    ///   - inputs: What the gradients are asked for.
    ///   - body: Gets the inputs tracked, and gives the value.
    /// - Returns: The value without its record, and the gradients of its sum.
    public static func valueAndGradients(
        for inputs: [Tensor], of body: ([Tensor]) throws -> Tensor
    ) rethrows -> (value: Tensor, gradients: [Tensor]) {
        let tracked = inputs.map { $0.tracked() }
        let result = try body(tracked)
        let value = result.stopGradient()
        return (value, result.gradients(for: tracked))
    }

    /// A value with a gradient rule of one's own.
    ///
    ///     // Rounds, and lets the gradient pass as if it did not.
    ///     Tensor.custom([x], value: x.rounded()) { upstream in [upstream] }
    ///
    /// - Parameters:
    ///   - inputs: What the gradient flows back to.
    ///   - value: The result; a record of its own is not used.
    ///   - rule: Gets the gradient of the result, and gives that of each input in its shape; nil
    ///     where none flows. Tensors that it captures should not be tracked; use
    ///     ``stopGradient()``.
    public static func custom(
        _ inputs: [Tensor], value: Tensor,
        rule: @escaping @Sendable (_ upstream: Tensor) -> [Tensor?]
    ) -> Tensor {
        let shape = value.shape
        let shapes = inputs.map(\.shape)
        return recorded(shape, value.elements, from: inputs) { step in
            let gradients = rule(Tensor(shape: shape, elements: step.takeUpstream()))
            precondition(gradients.count == shapes.count, "the rule gives a gradient per input")
            for (index, gradient) in gradients.enumerated() {
                guard let gradient else { continue }
                precondition(gradient.shape == shapes[index], "a gradient has its input's shape")
                step.add(gradient.elements, to: index)
            }
        }
    }

    /// The result of an operation, with a record when an input has one.
    ///
    /// - Parameters:
    ///   - shape: Of the result.
    ///   - elements: Of the result.
    ///   - order: How the elements of the result lie.
    ///   - inputs: In the order in which the pullback numbers them.
    ///   - pullback: Captures values, never tracked tensors.
    package static func recorded(
        _ shape: [Int], _ elements: FloatArray, order: ElementOrder = .rowMajor,
        from inputs: [Tensor], pullback: @escaping GradientStep.Pullback
    ) -> Tensor {
        guard inputs.contains(where: { $0.node != nil }) else {
            return Tensor(shape: shape, elements: elements, order: order, node: nil)
        }
        return Tensor(
            shape: shape, elements: elements, order: order,
            node: GradientNode(
                count: elements.count, inputs: inputs.map(\.node), pullback: pullback))
    }
}
