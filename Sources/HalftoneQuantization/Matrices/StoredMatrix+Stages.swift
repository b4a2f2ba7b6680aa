import HalftoneKernels

extension StoredMatrix {
    /// The matrices that a residual stack adds up, each in its form; for other forms the matrix
    /// itself.
    public var stages: [StoredMatrix] {
        get throws(QuantizationError) {
            guard case .residual(let forms) = form else { return [self] }
            var stages: [StoredMatrix] = []
            for (index, form) in forms.enumerated() {
                stages.append(
                    try StoredMatrix(form: form, rows: rows, columns: columns) { layout in
                        bytes(of: "\(Self.place(index)).\(layout.name)")
                    })
            }
            return stages
        }
    }

    /// The sum of matrices of one shape, as a residual stack.
    ///
    /// - Throws: ``QuantizationError`` for more of them than a form has.
    public init(adding stages: [StoredMatrix]) throws(QuantizationError) {
        guard let first = stages.first else { throw .badForm("a residual stack without forms") }
        guard stages.allSatisfy({ $0.rows == first.rows && $0.columns == first.columns }) else {
            throw .badForm("a residual stack of matrices of several shapes")
        }
        var parts: [String: Bytes] = [:]
        for (index, stage) in stages.enumerated() {
            for part in stage.parts {
                parts["\(Self.place(index)).\(part.layout.name)"] = part.bytes
            }
        }
        try self.init(
            form: .residual(stages.map(\.form)), rows: first.rows, columns: first.columns
        ) { parts[$0.name] }
    }

    /// A matrix with the product of two thin ones added, as a low-rank form around that of the
    /// matrix.
    ///
    /// - Parameters:
    ///   - base: `[rows, columns]`.
    ///   - left: `[rows, rank]`, rounded to 16 bits.
    ///   - right: `[rank, columns]`, rounded to 16 bits.
    ///   - rank: 0 to the smaller side.
    /// - Throws: ``QuantizationError`` for numbers beyond 16 bits.
    public init(
        _ base: StoredMatrix, adding left: [Float], times right: [Float], rank: Int
    ) throws(QuantizationError) {
        precondition(
            left.count == base.rows * rank && right.count == rank * base.columns, "thin matrices")
        var parts = ["left": try PartBytes.halves(left, "left")]
        parts["right"] = try PartBytes.halves(right, "right")
        for part in base.parts { parts["base.\(part.layout.name)"] = part.bytes }
        try self.init(
            form: .lowRank(rank, base: base.form), rows: base.rows, columns: base.columns
        ) { parts[$0.name] }
    }

    private func bytes(of name: String) -> Bytes? {
        parts.first { $0.layout.name == name }?.bytes
    }

    private static func place(_ index: Int) -> String { "stage\(index)" }
}
