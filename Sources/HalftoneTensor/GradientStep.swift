import HalftoneKernels

/// One operation of a walk back: the gradient of its result comes in, those of its inputs go out.
///
/// Operations of the package use it to skip what nobody asks for, to write over the incoming
/// gradient, and to add to what other operations have already given an input.
package struct GradientStep {
    /// What an operation does with the gradient of its result.
    package typealias Pullback = @Sendable (inout GradientStep) -> Void

    /// A gradient as it lies in memory.
    private struct Ordered {
        var elements = FloatArray()
        var order = ElementOrder.rowMajor

        func elements(in order: ElementOrder) -> FloatArray {
            self.order.converted(elements, to: order)
        }
    }

    private var result = Ordered()
    private var gradients: [Ordered?]
    private var places: [Int] = []
    private var counts: [Int]

    init(counts: [Int]) {
        gradients = [Ordered?](repeating: nil, count: counts.count)
        self.counts = counts
    }

    /// Whether the gradient of an input is asked for.
    package func isWanted(_ input: Int) -> Bool { places[input] >= 0 }

    /// The gradient of the result, as many elements row by row.
    package var upstream: FloatArray { upstream(in: .rowMajor) }

    /// The gradient of the result in some order.
    package func upstream(in order: ElementOrder) -> FloatArray { result.elements(in: order) }

    /// The gradient of the result, left empty here so that its memory can be used again.
    ///
    /// A pullback may change it and pass it on.
    package mutating func takeUpstream(in order: ElementOrder = .rowMajor) -> FloatArray {
        let taken = result.elements(in: order)
        result = Ordered()
        return taken
    }

    /// Adds to the gradient of an input; ignored when nobody asks for it.
    ///
    /// - Parameter order: How the gradient lies; by default row by row.
    package mutating func add(
        _ gradient: FloatArray, in order: ElementOrder = .rowMajor, to input: Int
    ) {
        let place = places[input]
        guard place >= 0 else { return }
        precondition(gradient.count == counts[place], "a gradient has the shape of its input")
        if let found = gradients[place]?.order {
            Elements.add(order.converted(gradient, to: found), to: &gradients[place]!.elements)
        } else {
            gradients[place] = Ordered(elements: gradient, order: order)
        }
    }

    /// Lets a closure add to the gradient of an input, which is zeros when it is the first.
    package mutating func update(_ input: Int, _ body: (inout FloatArray) -> Void) {
        let place = places[input]
        guard place >= 0 else { return }
        if gradients[place] == nil {
            gradients[place] = Ordered(
                elements: FloatArray(repeating: 0, count: counts[place]))
        } else if gradients[place]!.order != .rowMajor {
            gradients[place] = Ordered(elements: gradients[place]!.elements(in: .rowMajor))
        }
        body(&gradients[place]!.elements)
    }
}

extension GradientStep {
    /// The gradients of a sum of a tensor's elements, each weighed, for some records.
    ///
    /// Records are visited in the reverse of a depth-first order, and dropped as soon as they are
    /// done, so that memory that only they hold is free for the next.
    ///
    /// - Parameters:
    ///   - root: The tensor's record.
    ///   - upstream: A weight for each element.
    ///   - targets: What is asked for; nil gets nil.
    static func gradients(
        of root: consuming GradientNode, upstream: FloatArray, for targets: [GradientNode?]
    ) -> [FloatArray?] {
        let identities = Set(targets.compactMap { $0.map { ObjectIdentifier($0) } })
        var record = Record(consume root, targets: identities)
        var step = GradientStep(counts: record.counts)
        let last = record.nodes.count - 1
        step.gradients[last] = Ordered(elements: upstream)
        var results: [ObjectIdentifier: FloatArray] = [:]
        for place in (0...last).reversed() {
            guard let node = record.nodes[place] else { continue }
            record.nodes[place] = nil
            guard record.isWanted[place], let gradient = step.gradients[place] else { continue }
            step.gradients[place] = nil
            if identities.contains(ObjectIdentifier(node)) {
                results[ObjectIdentifier(node)] = gradient.elements(in: .rowMajor)
            }
            guard let pullback = node.pullback else { continue }
            step.result = consume gradient
            step.places = record.inputs[place].map {
                $0 >= 0 && record.isWanted[$0] ? $0 : -1
            }
            pullback(&step)
        }
        return targets.map { $0.flatMap { results[ObjectIdentifier($0)] } }
    }
}

/// The records that a tensor was computed by, each after its inputs.
private struct Record {
    var nodes: [GradientNode?] = []
    var inputs: [[Int]] = []
    var counts: [Int] = []
    var isWanted: [Bool] = []

    init(_ root: consuming GradientNode, targets: Set<ObjectIdentifier>) {
        var places: [ObjectIdentifier: Int] = [:]
        // −1 marks a record that was met and is not placed yet.
        places[ObjectIdentifier(root)] = -1
        var open: [(node: GradientNode, next: Int)] = [(consume root, 0)]
        while let (node, next) = open.last {
            if next < node.inputs.count {
                open[open.count - 1].next += 1
                guard let input = node.inputs[next] else { continue }
                if places[ObjectIdentifier(input)] == nil {
                    places[ObjectIdentifier(input)] = -1
                    open.append((input, 0))
                }
                continue
            }
            open.removeLast()
            places[ObjectIdentifier(node)] = nodes.count
            let list = node.inputs.map { $0.map { places[ObjectIdentifier($0)]! } ?? -1 }
            isWanted.append(
                targets.contains(ObjectIdentifier(node))
                    || list.contains { $0 >= 0 && isWanted[$0] })
            nodes.append(node)
            inputs.append(list)
            counts.append(node.count)
        }
    }
}
