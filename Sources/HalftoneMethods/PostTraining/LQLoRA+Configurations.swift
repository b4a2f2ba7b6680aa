import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization

extension LQLoRA {
    /// A quantizer: levels of a normal distribution, and scales that are whole numbers above the
    /// least of them.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Bits of a weight: one of ``widths``.
        public var bits: Int
        /// Weights that share a scale, along a row.
        public var groupSize: Int
        /// Bits of a scale.
        public var scaleBits: Int
        /// Scales that share a largest one.
        public var scaleGroup: Int
        /// How the largest ones are stored.
        public var scaleFormat: ScaleFormat

        /// Bits of a weight that the paper has levels for.
        public static let widths = [2, 3, 4, 8]

        /// Describes a quantizer; by default with the scales of QLoRA.
        public init(
            bits: Int, groupSize: Int = 64, scaleBits: Int = 8, scaleGroup: Int = 256,
            scaleFormat: ScaleFormat = .float32
        ) {
            precondition(Self.widths.contains(bits), "\(bits) bits have no levels here")
            self.bits = bits
            self.groupSize = groupSize
            self.scaleBits = scaleBits
            self.scaleGroup = scaleGroup
            self.scaleFormat = scaleFormat
        }

        /// The form of matrices that are stored so.
        ///
        /// Eight bits are the integers from −127 to 127, where the paper has 256 levels of a normal
        /// distribution: the difference is far below that of any other width.
        public var form: MatrixForm {
            let format: NumberFormat =
                switch bits {
                case 2: .lqnf2
                case 3: .lqnf3
                case 4: .nf4
                default: .int(8, narrow: true)
                }
            return .scaled(
                format, .group(groupSize), .offset(bits: scaleBits, group: scaleGroup, scaleFormat))
        }

        /// The paper's grid: 432 quantizers (table 5).
        public static let grid: [Self] = widths.flatMap { bits in
            [16, 32, 64].flatMap { group in
                [2, 3, 4, 8].flatMap { scaleBits in
                    [16, 64, 256].flatMap { scaleGroup in
                        [ScaleFormat.bfloat16, .float16, .float32].map {
                            Self(
                                bits: bits, groupSize: group, scaleBits: scaleBits,
                                scaleGroup: scaleGroup, scaleFormat: $0)
                        }
                    }
                }
            }
        }
    }

    /// What each quantizer costs a matrix and takes: a unit of the integer program of section 3.2.
    ///
    /// The cost is the squared error after the split, weighted if errors are; the size is that of
    /// the quantized weights in bits, without the thin matrices, which every quantizer has.
    ///
    /// - Parameters:
    ///   - name: Of the matrix.
    ///   - weight: `[rows, columns]`.
    ///   - configurations: Quantizers to choose from.
    /// - Throws: `QuantizationError` as ``decompose(_:)``.
    public func unit(
        _ name: String, _ weight: any WeightMatrix, _ configurations: [Configuration]
    ) throws(QuantizationError) -> (unit: AllocationUnit, matrices: [StoredMatrix]) {
        var choices: [AllocationChoice] = []
        var matrices: [StoredMatrix] = []
        for configuration in configurations {
            var method = self
            method.base = configuration.form
            let found = try method.decompose(weight)
            let bytes = try method.base.byteCount(rows: weight.rows, columns: weight.columns)
            choices.append(
                AllocationChoice("\(method.base)", cost: found.error, size: 8 * bytes))
            matrices.append(found.matrix)
        }
        return (AllocationUnit(name, choices: choices), matrices)
    }
}
