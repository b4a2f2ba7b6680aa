import HalftoneFormats
import Testing

struct KeyValuePolicyTests {
    @Test func formatsAndSettingsAreRead() throws {
        let policy = try KeyValuePolicy(
            parsing: "K:uint4/channel32,V:nf4/token16,window=64,protect=4,order=weights")
        #expect(
            policy
                == KeyValuePolicy(
                    keys: CacheFormat(
                        .numbers(.init(.integer(IntegerFormat(bits: 4, symmetric: false)))),
                        axis: .channel, groupSize: 32),
                    values: CacheFormat(.numbers(.nf4), groupSize: 16), window: 64,
                    protectedTokens: 4, keyOrder: .weights))
        #expect(try KeyValuePolicy(parsing: "f16").values == .float16)
        #expect(
            try KeyValuePolicy(parsing: "K:int8")
                == KeyValuePolicy(
                    keys: CacheFormat(.numbers(.int(8))), values: .float32))
        #expect(try KeyValuePolicy(parsing: "bfp4").keys.groupSize == 16)
        // Few bits: keys by channel, values by token.
        let few = try KeyValuePolicy(parsing: "int4")
        #expect(few.keys.axis == .channel && few.keys.groupSize == 32)
        #expect(few.values.axis == .token && few.values.groupSize == 32)
        #expect(few.keys.tokensAtOnce == 32 && few.values.tokensAtOnce == 1)
        #expect(try KeyValuePolicy(parsing: "window=3,V:e4m3,protect=0").window == 3)
        let mixed = try KeyValuePolicy(
            parsing: "K:32xuint2/channel32+binary/channel32/fourier,V:ternary,order=ranges")
        #expect(mixed.leadingKeys?.channels == 32 && mixed.keys.isFourier)
        #expect(mixed.keys.elements == .numbers(.binary) && mixed.keyOrder == .ranges)
        // 32 channels of 3 bits, 32 of 1.5, and 64 of 2.5 bits.
        #expect(mixed.bytesPerToken(heads: 1, headDim: 64) == 12 + 6 + 20)
    }

    @Test(
        arguments: [
            ("", .unknownFormat("")), ("int9", .unknownFormat("int9")),
            ("bfp1", .unknownFormat("bfp1")), ("bfp04", .unknownFormat("bfp04")),
            ("K:int4/", .badGroup("int4/")), ("K:int4/token8", .badGroup("int4/token8")),
            ("K:int4/channel48", .badGroup("int4/channel48")),
            ("K:int4/token032", .badGroup("int4/token032")),
            ("K:int4/head", .badGroup("int4/head")),
            ("float16/token16", .groupOfFloats("float16/token16")),
            ("K:8xint4+int8", .badChannels("8xint4+int8")),
            ("K:int4+int8", .badChannels("int4+int8")),
            ("K:16xint4+", .unknownFormat("")), ("V:16xint4+int8", .unknownFormat("16xint4+int8")),
            ("V:int8/fourier", .badGroup("int8/fourier")),
            ("K:int8/token/token16", .badGroup("int8/token/token16")),
            ("K:int4,K:int8", .repeated("K:int8")), ("int8,V:int4", .repeated("V:int4")),
            ("V:int4,int8", .repeated("int8")), ("int8,", .repeated("")),
            ("window=4", .noFormat("window=4")), ("int8,window=x", .badSetting("window=x")),
            ("int8,window=5000", .tooMany("window=5000", most: 4096)),
            ("int8,window=-1", .tooMany("window=-1", most: 4096)),
            ("int8,protect=65", .tooMany("protect=65", most: 64)),
            ("int8,order=size", .badSetting("order=size")), ("Q:int4", .badSetting("Q:int4")),
            ("K=int4", .badSetting("K=int4")), ("K:", .unknownFormat("")),
        ] as [(String, KeyValuePolicyError)])
    func whatIsNoPolicyIsRefused(text: String, error: KeyValuePolicyError) {
        #expect(throws: error) { try KeyValuePolicy(parsing: text) }
        #expect(!error.description.isEmpty)
    }

    /// Texts of parts of policies and of noise: what is read is written and read again the same,
    /// and nothing is a crash.
    @Test func anyTextIsReadOrRefused() {
        var generator = Noise(state: 7)
        let parts = [
            "K:", "V:", ",", "=", "/", ":", "window", "protect", "order", "weights", "model",
            "int", "uint", "4", "8", "16", "32", "channel", "token", "bfp", "nf4", "float16",
            "float32", "e4m3", "ternary", "binary", "levels6", "16x", "/fourier", "ranges", "-",
            "+", "0", " ", "é", "\u{0}",
            "int4", "K:int4/channel32", "V:uint2/token16", "window=4", "protect=1",
        ]
        var read = 0
        for _ in 0..<20_000 {
            let count = Int(generator.next() % 7)
            let pieces = (0...count).map { _ in parts[Int(generator.next() % UInt64(parts.count))] }
            let text = pieces.joined(separator: generator.next() % 2 == 0 ? "" : ",")
            guard let policy = try? KeyValuePolicy(parsing: text) else { continue }
            read += 1
            #expect((try? KeyValuePolicy(parsing: policy.description)) == policy)
        }
        #expect(read > 100)
    }

    @Test func bitsCountWhatGroupsShare() throws {
        for (name, bits) in [
            ("float16", 16.0), ("int8", 8.25), ("uint4/token32", 5), ("int4/channel32", 4.5),
            ("bfp4/token16", 4.5), ("bfp8/token16", 8.5), ("uint2/channel64", 2.5),
            ("ternary/token", 2.25),
        ] {
            let format = try CacheFormat(named: name, isKeys: true)
            #expect(format.bitsPerNumber(headDim: 64) == bits)
        }
        let policy = try KeyValuePolicy(parsing: "K:uint4/channel32,V:uint4/token32")
        #expect(policy.bytesPerToken(heads: 3, headDim: 64) == 3 * 64 * 10 / 8)
    }

    private struct Noise: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
