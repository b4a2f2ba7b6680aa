import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import Testing

/// Packed keys and values against attention by its definition over the decoded numbers.
struct PackedCacheTests {
    struct Shape: Sendable {
        var heads = 6
        var keyHeads = 2
        var headDim = 20
        var window: Int?
        var softcap: Float?
    }

    /// Reads tokens in parts of given sizes and returns what attention gives, `[tokens, width]`.
    private func attend(
        _ projected: [Float], _ shape: Shape, _ policy: KeyValuePolicy, parts: [Int],
        order: [Int]? = nil, threads: Int = 2, features: UInt32 = Processor.features
    ) -> (output: [Float], store: KeyValueStore) {
        let attention = Attention(
            heads: shape.heads, keyHeads: shape.keyHeads, headDim: shape.headDim, scale: 0.3,
            softcap: shape.softcap, window: shape.window)
        let width = shape.heads * shape.headDim
        let tokens = parts.reduce(0, +)
        let pool = WorkerPool(threads: threads)
        let store = KeyValueStore(
            heads: shape.keyHeads, headDim: shape.headDim, capacity: 5, policy: policy,
            order: order, partials: FloatBuffer(count: 0), features: features)
        let rows = ActivationRows(width: width, capacity: tokens, forms: .bytes)
        let scratch = (0..<threads).map { _ in
            FloatBuffer(
                count: attention.packedScratch(
                    count: parts.max() ?? 1, positions: tokens, policy: policy))
        }
        let buffer = FloatBuffer(projected)
        for count in parts {
            let first = store.count
            store.reserve(first + count)
            let segment = Attention.Segment(
                row: first, count: count, position: first, store: store, rotation: nil)
            attention.reservePartials(segment)
            pool.together { team in
                attention.store(team, segment, buffer, scratch: scratch)
                attention.run(team, segment, buffer, scratch: scratch, into: rows)
            }
            store.advance(count)
        }
        var output = [Float](repeating: 0, count: tokens * width)
        rows.floats.copy(0..<tokens * width, into: &output)
        return (output, store)
    }

    private func projected(_ tokens: Int, _ shape: Shape, seed: UInt64 = 1) -> [Float] {
        let width = (shape.heads + 2 * shape.keyHeads) * shape.headDim
        return seededValues(tokens * width, seed: seed)
    }

    /// Attention of one token by its definition in double precision, over what a store says that
    /// is seen after `count` tokens.
    private func reference(
        _ projected: [Float], _ shape: Shape, _ store: PackedKeyValues, token: Int
    ) -> [Double] {
        let width = (shape.heads + 2 * shape.keyHeads) * shape.headDim
        let count = token + 1
        let start = shape.window.map { max(0, count - $0) } ?? 0
        return (0..<shape.heads).flatMap { head in
            let keyHead = head / (shape.heads / shape.keyHeads)
            var scores = (start..<count).map { key in
                (0..<shape.headDim).reduce(0.0) { sum, channel in
                    sum + Double(projected[token * width + head * shape.headDim + channel])
                        * Double(
                            store.decoded(
                                isKey: true, token: key, head: keyHead, channel: channel,
                                after: count))
                } * 0.3
            }
            if let softcap = shape.softcap.map(Double.init) {
                scores = scores.map { softcap * tanh($0 / softcap) }
            }
            let top = scores.max() ?? 0
            let weights = scores.map { exp($0 - top) }
            let total = weights.reduce(0, +)
            return (0..<shape.headDim).map { channel in
                zip(weights, start..<count).reduce(0.0) { sum, pair in
                    sum + pair.0 / total
                        * Double(
                            store.decoded(
                                isKey: false, token: pair.1, head: keyHead, channel: channel,
                                after: count))
                }
            }
        }
    }

    static let policies = [
        "float16", "int8", "K:float16,V:int8,window=5", "K:uint4/channel32,V:uint4/token32",
        "K:int4/token16,V:int4/channel16,window=9", "K:uint2/channel16,V:ternary/channel32",
        "K:binary/channel16,V:uint2/token16,window=3,protect=4", "K:uint3/token16,V:int5/token32",
        "K:int6/channel64,V:uint7/channel16", "K:nf4/token16,V:e4m3/token", "K:e2m1,V:nf3",
        "K:bfp4/token16,V:bfp3/channel32", "K:float32,V:uint4,window=2,protect=1",
        "K:int8n/channel16,V:float32,protect=64",
        "K:16xuint2/channel32+binary/channel16/fourier,V:ternary/channel32,window=4",
        "K:float16/fourier,V:int8",
    ]

    @Test(arguments: policies, [1, 16, 20, 64, 100])
    func attentionIsThatOverDecodedNumbers(policy text: String, headDim: Int) throws {
        let policy = try KeyValuePolicy(parsing: text)
        for shape in [
            Shape(headDim: headDim), Shape(heads: 3, keyHeads: 3, headDim: headDim, softcap: 4),
            Shape(heads: 5, keyHeads: 1, headDim: headDim, window: 21),
        ] {
            let tokens = 75
            let input = projected(tokens, shape)
            let width = shape.heads * shape.headDim
            // Read one by one, the store holds after each token what the reference has to see, so
            // that all tokens are held to it, as they are when they are read at once.
            let (single, _) = attend(
                input, shape, policy, parts: [Int](repeating: 1, count: tokens), threads: 1)
            for token in [0, 4, 31, 32, 63, 74] {
                let (_, store) = attend(
                    Array(input.prefix((token + 1) * input.count / tokens)), shape, policy,
                    parts: [Int](repeating: 1, count: token + 1), threads: 1)
                let packed = try #require(store.packed)
                let expected = reference(input, shape, packed, token: token)
                let got = single[token * width..<(token + 1) * width]
                let worst = zip(got, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
                // A score is a sum of up to 100 float32 products of size 1 to 16 with codes that
                // are off by their zero point: 100 · 16 · 2^-24 = 1e-4 at the very most, and a
                // weighted mean of values up to 5 keeps it. Measured are under 1e-5.
                #expect(worst < 1e-4, "token \(token) is off by \(worst)")
            }
            for parts in [[tokens], [7, 68], [40, 1, 34], [10, 8, 9, 48]] {
                let (together, _) = attend(input, shape, policy, parts: parts, threads: 1)
                let worst = zip(single, together).map { abs($0 - $1) }.max() ?? .infinity
                // As above, twice.
                #expect(worst < 2e-4, "in parts of \(parts) it is off by \(worst)")
            }
        }
    }

    @Test(arguments: policies)
    func threadsAndFewNeighboursChangeNoBit(policy text: String) throws {
        let policy = try KeyValuePolicy(parsing: text)
        let shape = Shape(headDim: 32)
        // More than a page of tokens.
        let input = projected(300, shape)
        let parts = [280] + [Int](repeating: 1, count: 20)
        let one = attend(input, shape, policy, parts: parts, threads: 1).output
        for threads in [2, 3] {
            #expect(attend(input, shape, policy, parts: parts, threads: threads).output == one)
        }
        // Nor do the instructions of the processor.
        for features in Processor.featureSets {
            let output = attend(input, shape, policy, parts: parts, features: features).output
            #expect(output == one)
        }
        // Up to seven at a time, as guesses are checked.
        #expect(attend(input, shape, policy, parts: [280, 7, 6, 7]).output == one)
    }

    @Test(arguments: policies)
    func tokensTakenBackLeaveNoTrace(policy text: String) throws {
        let policy = try KeyValuePolicy(parsing: text)
        let shape = Shape(headDim: 16)
        let attention = Attention(heads: 6, keyHeads: 2, headDim: 16, scale: 0.3)
        let tokens = 90
        let input = projected(tokens, shape)
        let wrong = projected(tokens, shape, seed: 9)
        let expected = attend(
            input, shape, policy, parts: [40] + [Int](repeating: 1, count: tokens - 40)
        ).output
        let (_, store) = attend(
            Array(input.prefix(40 * input.count / tokens)), shape, policy, parts: [40])
        let pool = WorkerPool(threads: 2)
        let rows = ActivationRows(width: 96, capacity: tokens, forms: [])
        let scratch = (0..<2).map { _ in
            FloatBuffer(
                count: attention.packedScratch(count: 8, positions: tokens, policy: policy))
        }
        func read(_ values: [Float], _ count: Int) {
            let first = store.count
            store.reserve(first + count)
            let segment = Attention.Segment(
                row: first, count: count, position: first, store: store, rotation: nil)
            attention.reservePartials(segment)
            let buffer = FloatBuffer(values)
            pool.together { team in
                attention.store(team, segment, buffer, scratch: scratch)
                attention.run(team, segment, buffer, scratch: scratch, into: rows)
            }
            store.advance(count)
        }
        while store.count < tokens {
            let length = store.count
            if length + 7 <= tokens {
                read(wrong, 7)
                store.truncate(to: length)
            }
            read(input, 1)
        }
        var output = [Float](repeating: 0, count: tokens * 96)
        rows.floats.copy(0..<tokens * 96, into: &output)
        #expect(output[(40 * 96)...] == expected[(40 * 96)...])
    }

    @Test(arguments: policies)
    func farBackTokensStayAsTheyWereStored(policy text: String) throws {
        let policy = try KeyValuePolicy(parsing: text)
        let shape = Shape(headDim: 16)
        let input = projected(200, shape)
        let (_, store) = attend(input, shape, policy, parts: [200])
        let packed = try #require(store.packed)
        func seen(_ count: Int, _ length: Int) -> [Float] {
            [true, false].flatMap { isKey in
                (0..<length).map {
                    packed.decoded(isKey: isKey, token: $0, head: 1, channel: 3, after: count)
                }
            }
        }
        let before = seen(200, 101)
        store.truncate(to: 101)
        #expect(store.count == 101)
        #expect(seen(101, 101) == before)
    }

    /// However often tokens are read and taken back, what is seen are the tokens that there are.
    @Test(arguments: [
        "K:int8/channel16,V:int8/channel32,window=16,protect=4",
        "K:int8/channel32,V:int8/token,window=100", "K:int8/channel64,V:int8/channel16",
        "int8,window=7,protect=3",
    ])
    func backAndForthKeepsTheTokens(policy text: String) throws {
        let policy = try KeyValuePolicy(parsing: text)
        // Tokens to read, or as negative numbers the length to go back to, less one.
        var sequences = [[120, -4, -3, -1, 50, -25], [339, -231, -211, 60, 1, 1, -200, 90]]
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<24 {
            var (steps, length) = ([Int](), 0)
            for _ in 0..<14 {
                if length > 0, generator.next() % 2 == 0 {
                    let back = generator.next() % 3 == 0 ? Int(generator.next() % 9) : length
                    length -= Int(generator.next() % UInt64(min(back, length) + 1))
                    steps.append(-length - 1)
                } else {
                    let more = [1, 3, 7, 8, 40, 130][Int(generator.next() % 6)]
                    length += more
                    steps.append(more)
                }
            }
            sequences.append(steps)
        }
        for steps in sequences { try readAndTakeBack(steps, policy) }
    }

    private func readAndTakeBack(_ steps: [Int], _ policy: KeyValuePolicy) throws {
        let attention = Attention(heads: 2, keyHeads: 2, headDim: 16, scale: 0.3)
        let (most, width) = (2000, attention.width)
        let store = KeyValueStore(
            heads: 2, headDim: 16, capacity: 5, policy: policy, order: nil,
            partials: FloatBuffer(count: 0))
        let scratch = FloatBuffer(
            count: attention.packedScratch(count: 400, positions: most, policy: policy))
        let rows = ActivationRows(width: 32, capacity: 400, forms: [])
        let pool = WorkerPool(threads: 1)
        var truth: [Float] = []
        for (number, step) in steps.enumerated() {
            if step < 0 {
                store.truncate(to: -step - 1)
                truth.removeLast(truth.count - (-step - 1) * width)
            } else {
                let values = seededValues(step * width, seed: UInt64(number + 1))
                truth += values
                store.reserve(store.count + step)
                let segment = Attention.Segment(
                    row: 0, count: step, position: store.count, store: store, rotation: nil)
                attention.reservePartials(segment)
                let buffer = FloatBuffer(values)
                pool.together { team in
                    attention.store(team, segment, buffer, scratch: [scratch])
                    attention.run(team, segment, buffer, scratch: [scratch], into: rows)
                }
                store.advance(step)
            }
            let packed = try #require(store.packed)
            #expect(store.count * width == truth.count)
            let largest = truth.map(\.magnitude).max() ?? 0
            for token in 0..<store.count {
                for isKey in [true, false] {
                    let place = token * width + (isKey ? 2 : 4) * 16 + 16 + 3
                    let found = packed.decoded(
                        isKey: isKey, token: token, head: 1, channel: 3, after: store.count)
                    // A step of eight bits is a 127th of the largest; stored up to three times,
                    // three halves.
                    #expect(
                        abs(found - truth[place]) <= largest / 80,
                        "token \(token) after \(steps[...number])")
                }
            }
        }
    }

    @Test(arguments: [("K:bfp4/token16,V:float16", 64), ("K:uint4/channel32,V:float32", 20)])
    func anOrderOfChannelsChangesNoExactProduct(policy text: String, headDim: Int) throws {
        let shape = Shape(headDim: headDim)
        let policy = try KeyValuePolicy(parsing: text)
        let order = (0..<2).flatMap { head in
            (0..<headDim).map { ($0 * 7 + head * 3) % headDim }
        }
        let input = projected(80, shape)
        let exact = try KeyValuePolicy(parsing: "K:float32,V:float16")
        let plain = attend(input, shape, exact, parts: [80]).output
        let ordered = attend(input, shape, exact, parts: [80], order: order).output
        // Sums of products of size 16 in another order.
        #expect((zip(plain, ordered).map { abs($0 - $1) }.max() ?? 1) < 1e-5)
        // With groups along channels it is a different rounding, of the same definition.
        let (single, store) = attend(
            input, shape, policy, parts: [Int](repeating: 1, count: 80), order: order)
        let packed = try #require(store.packed)
        let expected = reference(input, shape, packed, token: 79)
        let got = single[(79 * 6 * headDim)...]
        #expect((zip(got, expected).map { abs(Double($0) - $1) }.max() ?? 1) < 1e-4)
    }

    @Test func channelsOfUnlikeSizeNeedAnOrderInBlocks() throws {
        // Every fourth channel is large: in the model's order each block has some, and the small
        // ones are lost; sorted, they have blocks of their own.
        let headDim = 64
        let shape = Shape(heads: 1, keyHeads: 1, headDim: headDim)
        var input = projected(40, shape)
        for token in 0..<40 {
            for channel in 0..<headDim where channel % 4 == 0 {
                input[token * 3 * headDim + headDim + channel] *= 40
            }
        }
        let policy = try KeyValuePolicy(parsing: "K:bfp4/token16,V:float32")
        let sorted = (0..<headDim).sorted { ($0 % 4, $0) < ($1 % 4, $1) }
        func error(_ order: [Int]?) throws -> Float {
            let (_, store) = attend(input, shape, policy, parts: [40], order: order)
            let packed = try #require(store.packed)
            var sum: Float = 0
            for token in 0..<40 {
                for channel in 0..<headDim where channel % 4 != 0 {
                    let value = input[token * 3 * headDim + headDim + channel]
                    let stored = packed.decoded(
                        isKey: true, token: token, head: 0, channel: channel, after: 40)
                    sum += (stored - value) * (stored - value)
                }
            }
            return sum / Float(40 * headDim * 3 / 4)
        }
        // A step of 2^(5 - 2) for numbers up to 40 loses those up to 1, of variance 1 / 3; one of
        // 2^(-1 - 2) leaves a twelfth of its square.
        #expect(try error(nil) > 0.25)
        #expect(try error(sorted) < 0.002)
    }

    @Test(arguments: policies)
    func memoryIsWhatTheFormatsTake(policy text: String) throws {
        let policy = try KeyValuePolicy(parsing: text)
        let (heads, headDim, tokens) = (3, 64, 4096)
        let store = KeyValueStore(
            heads: heads, headDim: headDim, capacity: tokens + policy.protectedTokens,
            policy: policy, partials: FloatBuffer(count: 0))
        let stored = policy.bytesPerToken(heads: heads, headDim: headDim) * Double(tokens)
        // Floats: protected tokens, the window, a group that is not whole, and eight to take back.
        let keys = max(policy.keys.tokensAtOnce, policy.leadingKeys?.format.tokensAtOnce ?? 1)
        let floats = [keys, policy.values.tokensAtOnce].reduce(0) { sum, tokens in
            let waiting = policy.window + tokens - 1
            return sum + (policy.protectedTokens + (waiting == 0 ? 0 : waiting + 8)) * 4
        }
        #expect(store.byteCount == Int(stored) + floats * heads * headDim)
    }

    @Test func edgesAreRoundedToNumbers() throws {
        let shape = Shape(heads: 1, keyHeads: 1, headDim: 16)
        for text in Self.policies where !text.contains("float") {
            let policy = try KeyValuePolicy(parsing: text)
            for special: Float in [0, 1e-30, 3e38, .infinity, .nan] {
                var input = [Float](repeating: special, count: 70 * 48)
                // Queries of zero: every token has the same weight.
                for token in 0..<70 { for channel in 0..<16 { input[token * 48 + channel] = 0 } }
                let (_, store) = attend(input, shape, policy, parts: [70])
                let packed = try #require(store.packed)
                for isKey in [true, false] {
                    let value = packed.decoded(
                        isKey: isKey, token: policy.protectedTokens, head: 0, channel: 3,
                        after: 70)
                    #expect(!value.isNaN, "\(text) makes \(value) of \(special)")
                    if special == 0 { #expect(value == 0) }
                }
            }
        }
    }
}
