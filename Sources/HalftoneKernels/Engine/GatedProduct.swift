import _HalftoneShims

/// The first layer of a perceptron: `hidden = f(G·x) ⊙ (U·x)`, or `hidden = f(U·x)`.
package struct GatedProduct: Sendable {
    /// The nonlinearity.
    package enum Activation: Sendable {
        case silu
        case gelu(GELUForm)
        case relu
    }

    /// `[G | U]` along its rows, or `U`.
    package let group: ProductGroup

    private let activation: Activation
    private let isGated: Bool

    /// Width of the hidden layer.
    package var hidden: Int { isGated ? group.rows / 2 : group.rows }

    /// Describes the layer.
    package init(_ group: ProductGroup, _ activation: Activation, isGated: Bool) {
        self.group = group
        self.activation = activation
        self.isGated = isGated
    }

    /// Computes the hidden activations of `rows.count` tokens, finished.
    ///
    /// Where gate and up are two matrices of panels, who has computed some columns of both goes on
    /// with them while they are in its cache, and threads meet once.
    ///
    /// - Parameters:
    ///   - team: The threads, which meet at the end.
    ///   - input: Finished activations.
    ///   - rows: Tokens of the input; the first is the first of the output.
    ///   - scratch: Room for `rows.count · group.rows` floats.
    ///   - output: Room for as many tokens.
    package func run(
        _ team: Team, _ input: ActivationRows, rows range: Range<Int>, scratch: FloatBuffer,
        into output: ActivationRows
    ) {
        let run = PanelMatrix.runLength
        precondition(scratch.count >= range.count * group.rows && output.width == hidden)
        precondition(output.capacity >= range.count, "there is room for the tokens")
        guard isGated, group.products.count == 2, hidden % run == 0,
            output.finishesColumns(ofWidth: run)
        else {
            group.run(team, input, rows: range, into: scratch)
            team.share(range.count) { part in
                for row in part {
                    activate(row, 0..<hidden, scratch, output)
                }
                output.finish(part)
            }
            return
        }
        let perRun = run / PanelMatrix.panelRows
        team.share(hidden / run, pieces: ProductGroup.pieces(tokens: range.count)) { part in
            let units = part.lowerBound * perRun..<part.upperBound * perRun
            group.multiply(0, units: units, input, range, into: scratch, adds: false)
            group.multiply(1, units: units, input, range, into: scratch, adds: false)
            let columns = part.lowerBound * run..<part.upperBound * run
            for row in 0..<range.count {
                activate(row, columns, scratch, output)
                output.finish(row: row, columns: columns)
            }
        }
    }

    /// Applies the nonlinearity to some columns of a token.
    private func activate(
        _ row: Int, _ columns: Range<Int>, _ scratch: FloatBuffer, _ output: ActivationRows
    ) {
        let count = columns.count
        let gate = unsafe scratch.base + row * group.rows + columns.lowerBound
        let target = unsafe output.floats.base + row * hidden + columns.lowerBound
        if let kernel = activation.kernel {
            if isGated {
                unsafe halftone_map_multiply(
                    Processor.features, kernel, gate, gate + hidden, target, Int64(count))
            } else {
                unsafe halftone_map(Processor.features, kernel, gate, target, Int64(count))
            }
        } else {
            for index in 0..<count {
                let factor = unsafe isGated ? gate[hidden + index] : 1
                unsafe target[index] = max(gate[index], 0) * factor
            }
        }
    }
}

extension GatedProduct.Activation {
    /// The function's number among the kernels in C; nil for the rectifier.
    fileprivate var kernel: Int32? {
        switch self {
        case .silu: Int32(HALFTONE_SILU)
        case .gelu(.tanh): Int32(HALFTONE_GELU_TANH)
        case .gelu(.erf): Int32(HALFTONE_GELU_ERROR)
        case .relu: nil
        }
    }
}
