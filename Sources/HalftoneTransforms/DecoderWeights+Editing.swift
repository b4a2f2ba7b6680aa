import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneTensor

/// Some rows of a parameter: fused matrices hold those of several layers.
struct ParameterRows {
    var role: Role
    var rows: Range<Int>
}

extension BlockSpec {
    /// The rows that compute values, key head after key head.
    func valueRows(block: Int) -> ParameterRows {
        let keys = attention.keyHeads * attention.headDim
        guard attention.isFused else {
            return ParameterRows(role: Role(.value, block: block), rows: 0..<keys)
        }
        let first = attention.heads * attention.headDim + keys
        return ParameterRows(role: Role(.qkv, block: block), rows: first..<first + keys)
    }

    /// The rows that compute what the perceptron's hidden values are proportional to, if they are
    /// proportional to anything: `up` beside a gate.
    func linearHiddenRows(block: Int) -> ParameterRows? {
        guard mlp.isGated else { return nil }
        let width = mlp.hiddenWidth
        guard mlp.isFused else {
            return ParameterRows(role: Role(.up, block: block), rows: 0..<width)
        }
        return ParameterRows(role: Role(.gateUp, block: block), rows: width..<2 * width)
    }

    /// All rows that compute hidden values of the perceptron, each hidden value in the same place
    /// of every range.
    func hiddenRows(block: Int) -> [ParameterRows] {
        let width = mlp.hiddenWidth
        guard mlp.isGated else {
            return [ParameterRows(role: Role(.up, block: block), rows: 0..<width)]
        }
        guard mlp.isFused else {
            return [Role.Part.gate, .up].map {
                ParameterRows(role: Role($0, block: block), rows: 0..<width)
            }
        }
        return [0..<width, width..<2 * width].map {
            ParameterRows(role: Role(.gateUp, block: block), rows: $0)
        }
    }
}

extension Role {
    /// The bias that belongs to a weight.
    var bias: Role { Role(part, block: block, isBias: true) }
}

extension DecoderWeights {
    /// Edits the values of a matrix, `[rows, columns]`.
    mutating func edit(_ role: Role, _ body: (inout [Float], _ columns: Int) -> Void) {
        let matrix = matrix(role)
        var values = matrix.decoded()
        body(&values, matrix.columns)
        replace(
            role,
            with: Tensor(shape: [matrix.rows, matrix.columns], elements: values).weightMatrix())
    }

    /// Edits the values of a vector, if the model has it.
    mutating func editVector(_ role: Role, _ body: (inout [Float]) -> Void) {
        guard var values = vector(role) else { return }
        body(&values)
        replace(role, with: values)
    }

    /// Multiplies each column of a matrix with a factor.
    mutating func scaleColumns(_ role: Role, by factors: [Float]) {
        edit(role) { values, columns in
            precondition(factors.count == columns, "a factor for each column")
            for index in values.indices { values[index] *= factors[index % columns] }
        }
    }

    /// Divides rows, and their biases, by factors.
    mutating func divideRows(_ place: ParameterRows, by factors: [Float]) {
        precondition(factors.count == place.rows.count, "a factor for each row")
        edit(place.role) { values, columns in
            for (row, factor) in zip(place.rows, factors) {
                for index in row * columns..<(row + 1) * columns { values[index] /= factor }
            }
        }
        editVector(place.role.bias) { values in
            for (row, factor) in zip(place.rows, factors) { values[row] /= factor }
        }
    }

    /// `W·Q` for a matrix that reads vectors of the length of `Q`, or several of them side by side.
    mutating func rotateColumns(_ role: Role, by rotation: DenseMatrix<Float>) {
        edit(role) { values, columns in
            let size = rotation.rows
            let whole = DenseMatrix(
                rows: columns == 0 ? 0 : values.count / size, columns: size, elements: values)
            values = whole.product(rotation).elements
        }
    }

    /// `Qᵀ·W` for rows that write vectors of the length of `Q`, or several of them one below
    /// another; biases likewise.
    mutating func rotateRows(_ place: ParameterRows, by rotation: DenseMatrix<Float>) {
        let size = rotation.rows
        edit(place.role) { values, columns in
            for first in stride(from: place.rows.lowerBound, to: place.rows.upperBound, by: size) {
                let range = first * columns..<(first + size) * columns
                let part = DenseMatrix(
                    rows: size, columns: columns, elements: Array(values[range]))
                values.replaceSubrange(
                    range, with: rotation.product(part, transposed: true).elements)
            }
        }
        editVector(place.role.bias) { values in
            for first in stride(from: place.rows.lowerBound, to: place.rows.upperBound, by: size) {
                let part = DenseMatrix(
                    rows: size, columns: 1, elements: Array(values[first..<first + size]))
                values.replaceSubrange(
                    first..<first + size,
                    with: rotation.product(part, transposed: true).elements)
            }
        }
    }

    /// Adds `W·x` to a bias.
    mutating func addProduct(of role: Role, with vector: [Float]) {
        let matrix = matrix(role)
        let values = DenseMatrix(
            rows: matrix.rows, columns: matrix.columns, elements: matrix.decoded())
        let product = values.product(
            DenseMatrix(rows: vector.count, columns: 1, elements: vector))
        editVector(role.bias) { bias in
            for index in bias.indices { bias[index] += product.elements[index] }
        }
    }
}
