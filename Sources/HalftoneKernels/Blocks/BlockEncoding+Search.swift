import HalftoneFormats

/// Blocks whose layout leaves the choice of scales to the encoder.
extension BlockEncoding {
    /// Appends a block whose scales were searched.
    ///
    /// - Returns: The scales that became binary16.
    static func append(
        _ type: BlockType, _ block: BlockSearch.Block, _ output: inout [UInt8]
    ) -> [Float] {
        switch type {
        case .q4_0, .q5_0:
            appendHalf(block.unit, &output)
            let (bits, middle) = type == .q4_0 ? (4, 8) : (5, 16)
            appendCodes(block.codes.map { UInt8($0 + middle) }, bits: bits, &output)
        case .q4_1, .q5_1:
            appendHalf(block.unit, &output)
            appendHalf(-block.offsetUnit, &output)
            appendCodes(block.codes.map { UInt8($0) }, bits: type == .q4_1 ? 4 : 5, &output)
        case .q8_0:
            appendHalf(block.unit, &output)
            output += block.codes.map { UInt8(bitPattern: Int8($0)) }
        case .iq4_NL:
            appendHalf(block.unit, &output)
            appendCodes(block.codes.map { UInt8($0) }, bits: 4, &output)
        case .q2_K: append2K(block, &output)
        case .q3_K: append3K(block, &output)
        case .q4_K: appendAffineK(block, bits: 4, &output)
        case .q5_K: appendAffineK(block, bits: 5, &output)
        case .q6_K: append6K(block, &output)
        case .iq4_XS: append4XS(block, &output)
        default: preconditionFailure("\(type.name) has no scales to search")
        }
        return [block.unit, block.offsetUnit]
    }

    /// Sixteen parts with a four-bit scale and offset; two-bit codes.
    private static func append2K(_ block: BlockSearch.Block, _ output: inout [UInt8]) {
        for (scale, offset) in zip(block.scales, block.offsets) {
            output.append(UInt8(scale | offset << 4))
        }
        appendTwoBits(block.codes, &output)
        appendHalf(block.unit, &output)
        appendHalf(block.offsetUnit, &output)
    }

    /// Sixteen parts with a signed six-bit scale; three-bit codes, their third bits apart.
    private static func append3K(_ block: BlockSearch.Block, _ output: inout [UInt8]) {
        let codes = block.codes.map { $0 + 4 }
        output += (0..<32).map { lane in
            (0..<8).reduce(0) { $0 | UInt8(codes[32 * $1 + lane] >> 2) << UInt8($1) }
        }
        appendTwoBits(codes.map { $0 & 3 }, &output)
        var scales = [UInt8](repeating: 0, count: 12)
        for (part, scale) in block.scales.enumerated() {
            let bits = UInt8(scale + 32)
            scales[part % 8] |= (bits & 15) << (part < 8 ? 0 : 4)
            scales[8 + part % 4] |= (bits >> 4) << UInt8(2 * (part / 4))
        }
        output += scales
        appendHalf(block.unit, &output)
    }

    /// Q4_K and Q5_K: eight parts with a six-bit scale and offset.
    private static func appendAffineK(
        _ block: BlockSearch.Block, bits: Int, _ output: inout [UInt8]
    ) {
        appendHalf(block.unit, &output)
        appendHalf(block.offsetUnit, &output)
        let scales = block.scales.map { UInt8($0) }
        let offsets = block.offsets.map { UInt8($0) }
        output += (0..<4).map { scales[$0] & 63 | (scales[$0 + 4] >> 4) << 6 }
        output += (0..<4).map { offsets[$0] & 63 | (offsets[$0 + 4] >> 4) << 6 }
        output += (4..<8).map { scales[$0] & 15 | (offsets[$0] & 15) << 4 }
        let codes = block.codes
        if bits == 5 {
            output += (0..<32).map { lane in
                (0..<8).reduce(0) { $0 | UInt8(codes[32 * $1 + lane] >> 4) << UInt8($1) }
            }
        }
        for first in stride(from: 0, to: 256, by: 64) {
            output += (first..<first + 32).map {
                UInt8(codes[$0] & 15 | (codes[$0 + 32] & 15) << 4)
            }
        }
    }

    /// Sixteen parts with a signed byte as scale; six-bit codes, their upper two bits apart.
    private static func append6K(_ block: BlockSearch.Block, _ output: inout [UInt8]) {
        let codes = block.codes.map { $0 + 32 }
        for first in stride(from: 0, to: 256, by: 128) {
            output += (first..<first + 64).map {
                UInt8(codes[$0] & 15 | (codes[$0 + 64] & 15) << 4)
            }
        }
        appendTwoBits(codes.map { $0 >> 4 }, &output)
        output += block.scales.map { UInt8(bitPattern: Int8($0)) }
        appendHalf(block.unit, &output)
    }

    /// Eight parts with a signed six-bit scale; codes of a table.
    private static func append4XS(_ block: BlockSearch.Block, _ output: inout [UInt8]) {
        appendHalf(block.unit, &output)
        let scales = block.scales.map { UInt16($0 + 32) }
        var high: UInt16 = 0
        for (part, scale) in scales.enumerated() { high |= (scale >> 4) << UInt16(2 * part) }
        append(high, &output)
        for part in stride(from: 0, to: 8, by: 2) {
            output.append(UInt8(scales[part] & 15 | (scales[part + 1] & 15) << 4))
        }
        for part in 0..<8 {
            let codes = block.codes[32 * part..<32 * part + 32].map { UInt8($0) }
            appendCodes(codes, bits: 4, &output)
        }
    }

    /// Four scales as unsigned E4M3, each for 16 codes of E2M1; the nearest scale that brings the
    /// largest value to 6, or the next one above if that has the lesser error.
    static func nvfp4(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        throws(BlockError)
    {
        let parts = stride(from: x.startIndex, to: x.endIndex, by: 16).map { x[$0..<$0 + 16] }
        let weights = w.map(Array.init) ?? [Float](repeating: 1, count: x.count)
        let levels = NumberFormat.e2m1
        var codes: [[UInt8]] = []
        for (index, part) in parts.enumerated() {
            let largest = part.reduce(0) { max($0, $1.magnitude) }
            guard largest <= 448 * 6 else {
                throw .outOfRange(
                    type: .nvfp4, element: part.startIndex, value: "in a block up to \(largest)")
            }
            let nearest = NumberFormat.e4m3.code(of: largest / 6)
            let trials = [nearest, min(nearest + 1, 0x7E)].map { code in
                let scale = NumberFormat.e4m3.value(of: code)
                let codes = part.map { scale == 0 ? 0 : levels.code(of: $0 / scale) }
                let pairs = zip(zip(part, codes), weights[16 * index..<16 * index + 16])
                let error = pairs.reduce(0.0) {
                    let distance = Double($1.0.0) - Double(scale * levels.value(of: $1.0.1))
                    return $0 + Double($1.1) * distance * distance
                }
                return (code: code, codes: codes, error: error)
            }
            let best = trials[1].error < trials[0].error ? trials[1] : trials[0]
            output.append(best.code)
            codes.append(best.codes)
        }
        for part in codes { output += (0..<8).map { part[$0] | part[$0 + 8] << 4 } }
    }

    /// 256 two-bit fields in 64 bytes: four of a byte are 32 elements apart.
    private static func appendTwoBits(_ codes: [Int], _ output: inout [UInt8]) {
        for first in [0, 128] {
            for at in first..<first + 32 {
                let low = codes[at] | codes[at + 32] << 2
                let high = codes[at + 64] | codes[at + 96] << 2
                output.append(UInt8(low | high << 4))
            }
        }
    }
}
