import HalftoneFormats

/// Blocks whose layout leaves the choice of scales to the encoder.
extension BlockEncoding {
    /// Sixteen parts with a four-bit scale and offset; two-bit codes.
    static func q2_K(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        -> [Float]
    {
        let block = BlockSearch.block(
            x, importance: w, part: 16, levels: .integers(0...3), scales: 0...15, hasOffsets: true)
        for (scale, offset) in zip(block.scales, block.offsets) {
            output.append(UInt8(scale | offset << 4))
        }
        appendTwoBits(block.codes, &output)
        appendHalf(block.unit, &output)
        appendHalf(block.offsetUnit, &output)
        return [block.unit, block.offsetUnit]
    }

    /// Sixteen parts with a signed six-bit scale; three-bit codes, their third bits apart.
    static func q3_K(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        -> [Float]
    {
        let block = BlockSearch.block(
            x, importance: w, part: 16, levels: .integers(-4...3), scales: -32...31,
            hasOffsets: false)
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
        return [block.unit]
    }

    /// Q4_K and Q5_K: eight parts with a six-bit scale and offset.
    static func affine_K(
        _ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, bits: Int, _ output: inout [UInt8]
    ) -> [Float] {
        let block = BlockSearch.block(
            x, importance: w, part: 32, levels: .integers(0...((1 << bits) - 1)), scales: 0...63,
            hasOffsets: true)
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
        return [block.unit, block.offsetUnit]
    }

    /// Sixteen parts with a signed byte as scale; six-bit codes, their upper two bits apart.
    static func q6_K(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        -> [Float]
    {
        let block = BlockSearch.block(
            x, importance: w, part: 16, levels: .integers(-32...31), scales: -128...127,
            hasOffsets: false)
        let codes = block.codes.map { $0 + 32 }
        for first in stride(from: 0, to: 256, by: 128) {
            output += (first..<first + 64).map {
                UInt8(codes[$0] & 15 | (codes[$0 + 64] & 15) << 4)
            }
        }
        appendTwoBits(codes.map { $0 >> 4 }, &output)
        output += block.scales.map { UInt8(bitPattern: Int8($0)) }
        appendHalf(block.unit, &output)
        return [block.unit]
    }

    /// A scale for 32 codes of a table.
    static func iq4_NL(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        -> [Float]
    {
        let levels = BlockSearch.Levels.table(BlockDecoding.nonlinearLevels)
        let part = BlockSearch.Part(values: x, importance: w)
        let best = BlockSearch.signedFits(part, levels, scales: ScaleCodec(.float16)).best
        appendHalf(best.scale, &output)
        let codes = BlockSearch.round(part, best, levels).codes
        appendCodes(codes.map { UInt8($0) }, bits: 4, &output)
        return [best.scale]
    }

    /// Q4_0 and Q5_0 with importance, for which the exact rule has no place: the scale of least
    /// weighted squares.
    static func weightedSigned(
        _ x: ArraySlice<Float>, _ w: ArraySlice<Float>, bits: Int, _ output: inout [UInt8]
    ) -> [Float] {
        let middle = 1 << (bits - 1)
        let levels = BlockSearch.Levels.integers(-middle...middle - 1)
        let part = BlockSearch.Part(values: x, importance: w)
        let best = BlockSearch.signedFits(part, levels, scales: ScaleCodec(.float16)).best
        appendHalf(best.scale, &output)
        let codes = BlockSearch.round(part, best, levels).codes
        appendCodes(codes.map { UInt8($0 + middle) }, bits: bits, &output)
        return [best.scale]
    }

    /// Q4_1 and Q5_1 with importance: the scale and offset of least weighted squares.
    static func weightedAffine(
        _ x: ArraySlice<Float>, _ w: ArraySlice<Float>, bits: Int, _ output: inout [UInt8]
    ) -> [Float] {
        let levels = BlockSearch.Levels.integers(0...(1 << bits) - 1)
        let part = BlockSearch.Part(values: x, importance: w)
        let fits = ScaleFinder(levels, scales: ScaleCodec(.float32)).offsetFits(
            x, importance: w, isNeverNegative: false)
        let stored = [fits.cover, fits.best].map {
            OffsetFit(
                scale: BlockSearch.half($0.scale), offset: -BlockSearch.half(-$0.offset))
        }
        let blocks = stored.map { BlockSearch.round(part, $0, levels) }
        let choice = blocks[1].error < blocks[0].error ? 1 : 0
        appendHalf(stored[choice].scale, &output)
        appendHalf(-stored[choice].offset, &output)
        appendCodes(blocks[choice].codes.map { UInt8($0) }, bits: bits, &output)
        return [stored[choice].scale, stored[choice].offset]
    }

    /// Eight parts with a signed six-bit scale; codes of a table.
    static func iq4_XS(_ x: ArraySlice<Float>, _ w: ArraySlice<Float>?, _ output: inout [UInt8])
        -> [Float]
    {
        let block = BlockSearch.block(
            x, importance: w, part: 32, levels: .table(BlockDecoding.nonlinearLevels),
            scales: -32...31,
            hasOffsets: false)
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
        return [block.unit]
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
