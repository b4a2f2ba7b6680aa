import HalftoneFormats
import HalftoneKernels
import Testing

/// The types whose encoders search for their scales.
let searchedTypes: [BlockType] = [
    .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS, .nvfp4,
]

/// What rounding to nearest needs to know of a type.
private struct Plan {
    /// Values of a part with a scale of its own.
    var part: Int
    /// The levels that a code stands for, before the scale.
    var levels: [Float]
    /// The sub-scale of the part with the largest scale; 1 if scales are binary16 of their own.
    var scaleEnd: Float
    var hasOffsets = false

    init(_ type: BlockType) {
        let table: [Float] = [
            -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
        ]
        switch type {
        case .q2_K: self.init(16, 0...3, 15, true)
        case .q3_K: self.init(16, -4...3, -32)
        case .q4_K: self.init(32, 0...15, 63, true)
        case .q5_K: self.init(32, 0...31, 63, true)
        case .q6_K: self.init(16, -32...31, -128)
        case .iq4_NL: self.init(part: 32, levels: table, scaleEnd: 1)
        case .iq4_XS: self.init(part: 32, levels: table, scaleEnd: -32)
        default:
            self.init(
                part: 16, levels: [-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6],
                scaleEnd: 0)
        }
    }

    private init(part: Int, levels: [Float], scaleEnd: Float, hasOffsets: Bool = false) {
        (self.part, self.levels, self.scaleEnd) = (part, levels, scaleEnd)
        self.hasOffsets = hasOffsets
    }

    private init(_ part: Int, _ codes: ClosedRange<Int>, _ end: Float, _ hasOffsets: Bool = false) {
        self.init(
            part: part, levels: codes.map { Float($0) }, scaleEnd: end, hasOffsets: hasOffsets)
    }

    /// The squared error of rounding a block to nearest, each part with the scale that covers it,
    /// and that scale rounded to what the type can store.
    func nearestError(_ x: [Float]) -> Double {
        func half(_ value: Float) -> Float { SmallFloat.float16(SmallFloat.float16Bits(value)) }
        let parts = stride(from: 0, to: x.count, by: part).map { Array(x[$0..<$0 + part]) }
        let lows = parts.map { hasOffsets ? min($0.min() ?? 0, 0) : 0 }
        let scales = zip(parts, lows).map { part, low -> Float in
            if hasOffsets { return ((part.max() ?? 0) - low) / (levels.last ?? 1) }
            let extreme = part.max { $0.magnitude < $1.magnitude } ?? 0
            return scaleEnd == 0 ? extreme.magnitude / 6 : extreme / levels[0]
        }
        let extreme = scales.max { $0.magnitude < $1.magnitude } ?? 0
        let unit = half(extreme / scaleEnd)
        let offsetUnit = hasOffsets ? half(-(lows.min() ?? 0) / scaleEnd) : 0
        var error = 0.0
        for (index, part) in parts.enumerated() {
            let scale =
                scaleEnd == 0
                ? NumberFormat.e4m3.rounded(scales[index])
                : unit == 0 ? 0 : unit * (scales[index] / unit).rounded(.toNearestOrEven)
            let offset =
                offsetUnit == 0
                ? 0 : offsetUnit * (-lows[index] / offsetUnit).rounded(.toNearestOrEven)
            for value in part {
                let distances = levels.map {
                    (Double(scale * $0 - offset) - Double(value)).magnitude
                }
                let distance = distances.min() ?? 0
                error += distance * distance
            }
        }
        return error
    }
}

@Suite struct BlockSearchTests {
    /// The search starts from the scales of rounding to nearest too, so it cannot lose to them but
    /// by what the order of additions in Double and float32 divisions make of ties, 10⁻⁶.
    @Test(arguments: searchedTypes)
    func searchesAreAtMostAsWrongAsRoundingToNearest(type: BlockType) throws {
        var generator = TestGenerator(state: UInt64(type.rawValue))
        let plan = Plan(type)
        var (found, nearest) = (0.0, 0.0)
        for kind in 0..<24 {
            var x = generator.floats(type.blockSize)
            // Uniform, peaked, shifted, with outliers, and few different values.
            switch kind % 6 {
            case 1: x = x.map { $0 * $0 * $0 }
            case 2: x = x.map { $0 + 1.5 }
            case 3: x = x.map { $0 - 1.5 }
            case 4: x = x.enumerated().map { $0.offset % 61 == 0 ? 20 * $0.element : $0.element }
            case 5: x = x.map { ($0 * 2).rounded() / 2 }
            default: break
            }
            let bytes = try BlockCodec.encode(type, x, columns: type.blockSize)
            var y: [Float] = []
            try BlockCodec.decode(type, Bytes(bytes), into: &y)
            let error = zip(x, y).reduce(0.0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }
            let bound = plan.nearestError(x)
            #expect(error <= bound * (1 + 1e-6) + 1e-12, "kind \(kind)")
            found += error
            nearest += bound
        }
        // The search has to pay: at six bits there is less to gain, NVFP4 has only two trials.
        let shares: [BlockType: Double] = [.q6_K: 0.97, .nvfp4: 1, .q5_K: 0.97]
        let share = shares[type] ?? 0.93
        #expect(found < share * nearest, "\(found / nearest) of rounding to nearest")
    }

    @Test(arguments: searchedTypes)
    func zerosStayZeros(type: BlockType) throws {
        let zeros = [Float](repeating: 0, count: type.blockSize)
        var y: [Float] = []
        try BlockCodec.decode(
            type, Bytes(BlockCodec.encode(type, zeros, columns: type.blockSize)), into: &y)
        #expect(y.allSatisfy { $0 == 0 })
    }

    /// Blocks that the format holds exactly: integers that use both ends of the codes.
    @Test(arguments: [BlockType.q4_K, .q5_K, .q6_K, .q3_K, .q2_K, .nvfp4])
    func whatFitsIsKept(type: BlockType) throws {
        let plan = Plan(type)
        let step: Float = type == .nvfp4 ? 1 : 63 * 0.5
        let ends = [plan.levels[0], plan.levels[plan.levels.count - 1]]
        let x = (0..<type.blockSize).map { index -> Float in
            let place = index % plan.part
            return step * (place < 2 ? ends[place] : plan.levels[index * 7 % plan.levels.count])
        }
        var y: [Float] = []
        try BlockCodec.decode(
            type, Bytes(BlockCodec.encode(type, x, columns: type.blockSize)), into: &y)
        for (found, wanted) in zip(y, x) {
            // Binary16 rounds the unit by 2⁻¹¹ of itself at most.
            #expect((found - wanted).magnitude <= 0x1p-11 * wanted.magnitude)
        }
    }

    /// Weights over four orders of magnitude.
    ///
    /// The search with them has to beat the one without on the error that they weigh, in sum by
    /// some percent. Ones are no weights.
    @Test(arguments: searchedTypes + [.q4_0, .q4_1, .q5_0, .q5_1])
    func importanceIsUsed(type: BlockType) throws {
        var generator = TestGenerator(state: 77)
        let columns = 512
        let x = generator.floats(8 * columns)
        let importance = generator.floats(columns).map { $0 * $0 * $0 * $0 }
        func error(_ bytes: [UInt8]) throws -> Double {
            var y: [Float] = []
            try BlockCodec.decode(type, Bytes(bytes), into: &y)
            return zip(x, y).enumerated().reduce(0.0) {
                let distance = Double($1.element.0) - Double($1.element.1)
                return $0 + Double(importance[$1.offset % columns]) * distance * distance
            }
        }
        let plain = try BlockCodec.encode(type, x, columns: columns)
        let weighted = try BlockCodec.encode(type, x, columns: columns, importance: importance)
        let share = try error(weighted) / error(plain)
        #expect(share < (type == .nvfp4 ? 1 : 0.95), "\(share) of the error without")
        let ones = [Float](repeating: 1, count: columns)
        if searchedTypes.contains(type) {
            #expect(try BlockCodec.encode(type, x, columns: columns, importance: ones) == plain)
        }
        for bad in [[], [1], importance.map { -$0 - 1 }, importance.map { _ in Float.nan }] {
            #expect(throws: BlockError.self) {
                try BlockCodec.encode(type, x, columns: columns, importance: bad)
            }
        }
    }
}
