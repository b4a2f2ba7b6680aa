/// The steps of the optimizers, in the order of operations of their sources.
package enum UpdateFunctions {
    /// `g += decay · w; b = keep · b + take · g; w −= rate · (b, or g + momentum · b)`.
    package struct Momentum: UpdateFunction {
        let rate: Float
        let decay: Float
        let momentum: Float
        let keep: Float
        let take: Float
        let isNesterov: Bool

        /// Without momentum nothing is kept.
        package init(
            rate: Float, decay: Float, momentum: Float, dampening: Float, isNesterov: Bool,
            isFirst: Bool
        ) {
            self.rate = rate
            self.decay = decay
            self.momentum = momentum
            self.isNesterov = isNesterov
            keep = isFirst ? 0 : momentum
            take = isFirst ? 1 : 1 - dampening
        }

        package var slotCount: Int { momentum == 0 ? 0 : 1 }

        @inline(__always)
        package func step(
            _ weight: inout SIMD8<Float>, _ gradient: SIMD8<Float>, _ slots: inout UpdateSlots
        ) {
            var g = gradient + weight * decay
            if momentum != 0 {
                slots.first = slots.first * keep + g * take
                g = isNesterov ? g + slots.first * momentum : slots.first
            }
            weight -= g * rate
        }
    }

    /// Moments of the gradient; the decay either on the weight or on the gradient.
    package struct Moments: UpdateFunction {
        let rate: Float
        /// `1 − rate · decay` of a decoupled decay, else 1.
        let shrink: Float
        /// A decay that is added to the gradient, else 0.
        let decay: Float
        let firstShare: Float
        let secondKeep: Float
        let secondShare: Float
        let rootScale: Float
        let epsilon: Float
        let keepsLargest: Bool

        /// A step with the factors of its number worked out.
        ///
        /// - Parameters:
        ///   - rate: Divided by `1 − β₁ᵗ`.
        ///   - rootScale: `1 / √(1 − β₂ᵗ)`.
        package init(
            rate: Float, shrink: Float, decay: Float, firstShare: Float, secondKeep: Float,
            secondShare: Float, rootScale: Float, epsilon: Float, keepsLargest: Bool
        ) {
            self.rate = rate
            self.shrink = shrink
            self.decay = decay
            self.firstShare = firstShare
            self.secondKeep = secondKeep
            self.secondShare = secondShare
            self.rootScale = rootScale
            self.epsilon = epsilon
            self.keepsLargest = keepsLargest
        }

        package var slotCount: Int { keepsLargest ? 3 : 2 }

        @inline(__always)
        package func step(
            _ weight: inout SIMD8<Float>, _ gradient: SIMD8<Float>, _ slots: inout UpdateSlots
        ) {
            let g = gradient + weight * decay
            weight *= shrink
            slots.first += (g - slots.first) * firstShare
            slots.second = slots.second * secondKeep + g * g * secondShare
            var square = slots.second
            if keepsLargest {
                slots.third.replace(with: square, where: square .> slots.third)
                square = slots.third
            }
            weight -= slots.first * rate / (square.squareRoot() * rootScale + epsilon)
        }
    }

    /// `g += decay · w; s += g²; w −= rate · g / (√s + ε)`.
    package struct SquareSum: UpdateFunction {
        let rate: Float
        let decay: Float
        let epsilon: Float

        package init(rate: Float, decay: Float, epsilon: Float) {
            self.rate = rate
            self.decay = decay
            self.epsilon = epsilon
        }

        package var slotCount: Int { 1 }

        @inline(__always)
        package func step(
            _ weight: inout SIMD8<Float>, _ gradient: SIMD8<Float>, _ slots: inout UpdateSlots
        ) {
            let g = gradient + weight * decay
            slots.first += g * g
            weight -= g * rate / (slots.first.squareRoot() + epsilon)
        }
    }

    /// A moving mean of squares, with momentum on the scaled gradient.
    package struct SquareMean: UpdateFunction {
        let rate: Float
        let decay: Float
        let keep: Float
        let share: Float
        let epsilon: Float
        let momentum: Float

        package init(
            rate: Float, decay: Float, keep: Float, share: Float, epsilon: Float, momentum: Float
        ) {
            self.rate = rate
            self.decay = decay
            self.keep = keep
            self.share = share
            self.epsilon = epsilon
            self.momentum = momentum
        }

        package var slotCount: Int { momentum == 0 ? 1 : 2 }

        @inline(__always)
        package func step(
            _ weight: inout SIMD8<Float>, _ gradient: SIMD8<Float>, _ slots: inout UpdateSlots
        ) {
            let g = gradient + weight * decay
            slots.first = slots.first * keep + g * g * share
            let scaled = g / (slots.first.squareRoot() + epsilon)
            if momentum != 0 {
                slots.second = slots.second * momentum + scaled
                weight -= slots.second * rate
            } else {
                weight -= scaled * rate
            }
        }
    }
}
