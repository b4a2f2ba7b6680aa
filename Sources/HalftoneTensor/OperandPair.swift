import HalftoneKernels

/// Two operands whose elements lie in one order, so that a loop can walk them together.
///
/// An operand with the channels of a pixel together keeps that order when it has the shape of the
/// result: the other one is a number per channel or per image, which lies the same either way, or
/// of the same shape, or is brought into that order.
struct OperandPair {
    /// The elements of an operand, and the lengths as they lie.
    struct Operand {
        var elements: FloatArray
        var shape: [Int]
        var order: ElementOrder

        /// Without the elements.
        var place: (shape: [Int], order: ElementOrder) { (shape, order) }
    }

    let x: Operand
    let y: Operand
    /// The lengths of the result as they lie.
    let shape: [Int]
    let order: ElementOrder

    /// Brings two operands into one order for a result of a shape.
    init(_ x: Tensor, _ y: Tensor, shape: [Int]) {
        let order = [x, y].first { $0.order != .rowMajor && $0.shape == shape }?.order
        if let order, let one = Operand(x, shape, order), let two = Operand(y, shape, order) {
            (self.x, self.y, self.order) = (one, two, order)
            self.shape = order.physical(shape)
        } else {
            self.x = Operand(elements: x.elements, shape: x.shape, order: .rowMajor)
            self.y = Operand(elements: y.elements, shape: y.shape, order: .rowMajor)
            (self.order, self.shape) = (.rowMajor, shape)
        }
    }
}

extension OperandPair.Operand {
    /// An operand beside images of an order, or nil when it repeats in another way.
    fileprivate init?(_ tensor: Tensor, _ whole: [Int], _ order: ElementOrder) {
        if tensor.shape == whole {
            self.init(
                elements: tensor.storage(in: order), shape: order.physical(whole), order: order)
            return
        }
        let lengths = [Int](repeating: 1, count: whole.count - tensor.rank) + tensor.shape
        guard tensor.order == .rowMajor, lengths[1] == 1 || lengths[2...] == [1, 1] else {
            return nil
        }
        self.init(
            elements: tensor.storage, shape: order.physical(lengths), order: .rowMajor)
    }
}
