/// Numbers of a matrix in blocks that share a scale: what is stored, and how many bytes it takes.
///
/// A value is `element · elementUnit · scale`, in layouts of two levels also times one float32 of
/// the matrix. Blocks of `blockRows` × `blockColumns` tile the matrix from its first element on;
/// those at its right and lower edge may be smaller.
public struct BlockLayout: Sendable, Hashable {
    /// What the scale of a block is.
    public enum Scale: Sendable, Hashable {
        /// A power of two, `2^(code − 2^(bits − 1) + 1)`: `floor(log₂ max|x|)` less the exponent of
        /// the largest element, held within the codes. With 8 bits it is E8M0, and code 255, its
        /// NaN, is not used.
        case sharedExponent(bits: Int)
        /// A small float, times one float32 of the matrix: `max|x|` of the block over the largest
        /// element, in units of the float32 that brings the largest of all to the largest float.
        case float(FloatFormat)
    }

    /// What the layout is called.
    public let name: String

    /// The format of the elements.
    public let element: NumberFormat

    /// What an element of 1 is worth at a scale of 1; a power of two.
    public let elementUnit: Float

    /// Rows of a block.
    public let blockRows: Int

    /// Columns of a block.
    public let blockColumns: Int

    /// What the scale of a block is.
    public let scale: Scale

    /// Describes a layout.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - element: A format with both signs.
    ///   - elementUnit: A power of two.
    ///   - blockRows: 1 or more.
    ///   - blockColumns: 1 or more.
    ///   - scale: Exponents have 2 to 8 bits.
    public init(
        _ name: String, element: NumberFormat, elementUnit: Float = 1, blockRows: Int = 1,
        blockColumns: Int, scale: Scale
    ) {
        precondition(element.range.lowerBound < 0 && element.range.upperBound > 0, "both signs")
        precondition(elementUnit > 0 && elementUnit.significand == 1, "a power of two")
        precondition(blockRows > 0 && blockColumns > 0, "a block has elements")
        if case .sharedExponent(let bits) = scale { precondition((2...8).contains(bits)) }
        self.name = name
        self.element = element
        self.elementUnit = elementUnit
        self.blockRows = blockRows
        self.blockColumns = blockColumns
        self.scale = scale
    }
}

extension BlockLayout {
    private static func mx(_ name: String, _ element: NumberFormat, unit: Float = 1) -> Self {
        Self(
            name, element: element, elementUnit: unit, blockColumns: 32,
            scale: .sharedExponent(bits: 8))
    }

    /// The formats of OCP Microscaling 1.0, table 1: an E8M0 scale for 32 elements of a row.
    ///
    /// INT8 elements count 2^−6.
    public static let microscaling: [Self] = [
        mx("mxfp8e5m2", .e5m2), mx("mxfp8e4m3", .e4m3), mx("mxfp6e3m2", .e3m2),
        mx("mxfp6e2m3", .e2m3), mx("mxfp4", .e2m1), mx("mxint8", .int(8), unit: 0x1p-6),
    ]

    /// E2M1 with an E4M3 scale for 16 elements of a row and a float32 for the matrix.
    ///
    /// Source: NVIDIA, "Pretraining Large Language Models with NVFP4", arXiv:2509.25149.
    public static let nvfp4 = Self(
        "nvfp4", element: .e2m1, blockColumns: 16, scale: .float(.e4m3))

    /// Block floating point: signed integers with one exponent per block.
    ///
    /// Source: B. Rouhani et al., "Pushing the Limits of Narrow Precision Inferencing at Cloud
    /// Scale with Microsoft Floating Point", NeurIPS 2020 (there with sign and magnitude: the
    /// same values, as the most negative integer is left out).
    ///
    /// - Parameters:
    ///   - bits: Of an element with its sign, 2 to 8.
    ///   - exponentBits: 2 to 8.
    ///   - blockRows: 1 or more.
    ///   - blockColumns: 1 or more.
    public static func blockFloat(
        bits: Int, exponentBits: Int = 8, blockRows: Int = 1, blockColumns: Int = 16
    ) -> Self {
        precondition((2...8).contains(bits), "elements have 2 to 8 bits")
        let shape = blockRows == 1 ? "\(blockColumns)" : "\(blockRows)x\(blockColumns)"
        return Self(
            "bfp\(bits)e\(exponentBits)g\(shape)", element: .int(bits, narrow: true),
            elementUnit: Float(sign: .plus, exponent: 2 - bits, significand: 1),
            blockRows: blockRows, blockColumns: blockColumns,
            scale: .sharedExponent(bits: exponentBits))
    }

    /// The layout called `mxfp4`, `nvfp4`, `bfp4e8g16`, `bfp6e5g8x8` and the like.
    public init?(named name: String) {
        if let found = (Self.microscaling + [.nvfp4]).first(where: { $0.name == name }) {
            self = found
            return
        }
        guard name.hasPrefix("bfp") else { return nil }
        let parts = name.dropFirst(3).split(
            omittingEmptySubsequences: false, whereSeparator: { "egx".contains($0) })
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count, (3...4).contains(numbers.count),
            (2...8).contains(numbers[0]), (2...8).contains(numbers[1]),
            numbers[2...].allSatisfy({ (1...1 << 20).contains($0) })
        else { return nil }
        self = Self.blockFloat(
            bits: numbers[0], exponentBits: numbers[1],
            blockRows: numbers.count == 4 ? numbers[2] : 1,
            blockColumns: numbers[numbers.count - 1])
        // Refuses other spellings.
        guard self.name == name else { return nil }
    }

    /// Bits of a stored scale.
    public var scaleBits: Int {
        switch scale {
        case .sharedExponent(let bits): bits
        case .float(let format): format.bits
        }
    }

    /// Blocks of a matrix: how many lie below and beside each other.
    public func blocks(rows: Int, columns: Int) -> (down: Int, across: Int) {
        (
            rows / blockRows + (rows % blockRows == 0 ? 0 : 1),
            columns / blockColumns + (columns % blockColumns == 0 ? 0 : 1)
        )
    }

    /// Bytes of a matrix: each row of elements from a whole byte on, all scales as one run of
    /// bits, and the float32 of layouts of two levels.
    public func byteCount(rows: Int, columns: Int) -> Int {
        let (down, across) = blocks(rows: rows, columns: columns)
        let factor = if case .float = scale { 4 } else { 0 }
        return rows * ((columns * element.bits + 7) / 8) + (down * across * scaleBits + 7) / 8
            + factor
    }

    /// Bits per weight of a matrix, scales included.
    public func bitsPerWeight(rows: Int, columns: Int) -> Double {
        Double(8 * byteCount(rows: rows, columns: columns)) / Double(max(rows * columns, 1))
    }

    /// The code of a shared exponent for the largest magnitude of a block.
    ///
    /// - Parameter largest: Finite; 0 gives code 0.
    public func exponentCode(largest: Float) -> UInt8 {
        guard case .sharedExponent(let bits) = scale, largest > 0 else { return 0 }
        let top = Int((element.range.upperBound * elementUnit).exponent)
        let code = Int(largest.exponent) - top + (1 << (bits - 1)) - 1
        return UInt8(min(max(code, 0), bits == 8 ? 254 : (1 << bits) - 1))
    }

    /// The scale of a block for its code; NaN for 255 in E8M0.
    ///
    /// That of the matrix is not in it.
    public func scaleValue(of code: UInt8) -> Float {
        switch scale {
        case .float(let format): return format.value(of: code)
        case .sharedExponent(let bits):
            if bits == 8, code == 255 { return .nan }
            let exponent = Int(code) - (1 << (bits - 1)) + 1
            // 2^−127 is subnormal, and the initializer makes it too.
            return Float(sign: .plus, exponent: exponent, significand: 1)
        }
    }
}
