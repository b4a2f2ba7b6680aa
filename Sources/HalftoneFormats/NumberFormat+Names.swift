extension NumberFormat {
    /// Integers −8 … 7 and their like; see ``IntegerFormat``.
    ///
    /// - Parameters:
    ///   - bits: 1 to 8.
    ///   - narrow: Whether the most negative level is left out.
    public static func int(_ bits: Int, narrow: Bool = false) -> Self {
        Self(.integer(IntegerFormat(bits: bits, symmetric: true, narrow: narrow)))
    }

    /// −½ and ½.
    public static let binary = int(1)
    /// −1, 0 and 1.
    public static let ternary = int(2, narrow: true)
    /// See ``FloatFormat/e4m3``.
    public static let e4m3 = Self(.float(.e4m3))
    /// See ``FloatFormat/e5m2``.
    public static let e5m2 = Self(.float(.e5m2))
    /// See ``FloatFormat/e4m3fnuz``.
    public static let e4m3fnuz = Self(.float(.e4m3fnuz))
    /// See ``FloatFormat/e5m2fnuz``.
    public static let e5m2fnuz = Self(.float(.e5m2fnuz))
    /// See ``FloatFormat/e3m4``.
    public static let e3m4 = Self(.float(.e3m4))
    /// See ``FloatFormat/e3m2``.
    public static let e3m2 = Self(.float(.e3m2))
    /// See ``FloatFormat/e2m3``.
    public static let e2m3 = Self(.float(.e2m3))
    /// See ``FloatFormat/e2m1``.
    public static let e2m1 = Self(.float(.e2m1))
    /// See ``FloatFormat/e8m0``.
    public static let e8m0 = Self(.float(.e8m0))
    /// See ``FloatFormat/ue3m5``.
    public static let ue3m5 = Self(.float(.ue3m5))
    /// See ``FloatFormat/ue5m3``.
    public static let ue5m3 = Self(.float(.ue5m3))
    /// See ``Codebook/nf4``.
    public static let nf4 = Self(.codebook(.nf4))
    /// See ``Codebook/nf3``.
    public static let nf3 = Self(.codebook(.nf3))
    /// See ``Codebook/nf2``.
    public static let nf2 = Self(.codebook(.nf2))
    /// See ``Codebook/lqnf3``.
    public static let lqnf3 = Self(.codebook(.lqnf3))
    /// See ``Codebook/lqnf2``.
    public static let lqnf2 = Self(.codebook(.lqnf2))
    /// See ``Codebook/fp4``.
    public static let fp4 = Self(.codebook(.fp4))

    /// The formats that have a name of their own, from few bits to many.
    public static let known: [Self] =
        [binary, ternary, nf2, lqnf2, int(2), Self(.float(.shift(bits: 2))), nf3, lqnf3, int(3)]
        + [Self(.integer(IntegerFormat(levels: 5, symmetric: true)))]
        + [Self(.integer(IntegerFormat(levels: 6, symmetric: true)))]
        + [
            Self(.float(.shift(bits: 3))),
            Self(.float(FloatFormat(exponentBits: 1, mantissaBits: 1))),
        ]
        + [nf4, fp4, int(4), int(4, narrow: true), e2m1, Self(.float(.shift(bits: 4)))]
        + [Self(.float(.powersOfTwo(bits: 4))), int(5)]
        + [Self(.float(FloatFormat(exponentBits: 2, mantissaBits: 2))), int(6), e2m3, e3m2, int(7)]
        + [int(8), int(8, narrow: true), e3m4, e4m3, e4m3fnuz, e5m2, e5m2fnuz, ue5m3, ue3m5, e8m0]

    /// The format that safetensors calls by the name of an element type of 4 to 8 bits.
    ///
    /// - Returns: nil for types of other widths and for `BOOL`.
    public init?(_ type: ElementType) {
        switch type {
        case .float4E2M1: self = .e2m1
        case .float6E2M3: self = .e2m3
        case .float6E3M2: self = .e3m2
        case .float8E4M3: self = .e4m3
        case .float8E5M2: self = .e5m2
        case .float8E8M0: self = .e8m0
        case .float8E4M3FNUZ: self = .e4m3fnuz
        case .float8E5M2FNUZ: self = .e5m2fnuz
        case .int8: self = .int(8)
        case .uint8: self = Self(.integer(IntegerFormat(bits: 8, symmetric: false)))
        default: return nil
        }
    }
}

extension NumberFormat: CustomStringConvertible {
    /// The name: `int4`, `e4m3`, `nf4`.
    public var description: String {
        switch definition {
        case .integer where self == .ternary: "ternary"
        case .integer where self == .binary: "binary"
        case .integer(let format): "\(format)"
        case .float(let format): "\(format)"
        case .codebook(let codebook): codebook.name
        }
    }

    /// The format with a name, upper or lower case: `int4`, `uint3`, `int8n`, `levels6`, `ternary`,
    /// `e4m3`, `e5m2fnuz`, `e3m2b7.5`, `shift4`, `pot4`, `nf4`, `fp4`, or as in headers, `F8_E4M3`.
    public init?(named name: String) {
        if let type = ElementType(rawValue: name), let format = Self(type) {
            self = format
            return
        }
        let name = name.lowercased()
        switch name {
        case "binary": self = .binary
        case "ternary": self = .ternary
        case "nf4": self = .nf4
        case "nf3": self = .nf3
        case "nf2": self = .nf2
        case "lqnf3": self = .lqnf3
        case "lqnf2": self = .lqnf2
        case "fp4": self = .fp4
        default:
            if let format = IntegerFormat(named: name) {
                self.init(.integer(format))
            } else if let format = FloatFormat(named: name) {
                self.init(.float(format))
            } else {
                return nil
            }
        }
    }
}
