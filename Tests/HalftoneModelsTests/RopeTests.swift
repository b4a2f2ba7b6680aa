import Foundation
import HalftoneFiles
import HalftoneModels
import Testing

struct RopeTests {
    @Test func plainFrequenciesAreAGeometricSeries() {
        let rope = RopeSpec(dimensions: 8, theta: 10_000)
        let expected = (0..<4).map { pow(10_000, -Double($0) / 4) }
        for (found, wanted) in zip(rope.frequencies(length: 1), expected) {
            #expect(abs(Double(found) - wanted) <= 2e-7 * wanted)
        }
    }

    @Test func llama3KeepsHighAndDividesLowFrequencies() {
        let scaling = RopeSpec.Scaling.llama3(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192)
        let plain = RopeSpec(dimensions: 128, theta: 500_000).frequencies(length: 1)
        let scaled = RopeSpec(dimensions: 128, theta: 500_000, scaling: scaling)
            .frequencies(length: 1)
        for (before, after) in zip(plain, scaled) {
            let wavelength = 2 * .pi / Double(before)
            if wavelength < 8192 / 4 {
                #expect(after == before)
            } else if wavelength > 8192 {
                #expect(after == before / 8)
            } else {
                #expect(after < before && after > before / 8)
            }
        }
    }

    @Test func divisorsDependOnTheLength() {
        let scaling = RopeSpec.Scaling.divisors(
            short: [1, 1], long: [2, 4], originalContext: 10, attentionFactor: 1)
        let rope = RopeSpec(dimensions: 4, theta: 100, scaling: scaling)
        let short = rope.frequencies(length: 10)
        let long = rope.frequencies(length: 11)
        #expect(long == [short[0] / 2, short[1] / 4])
    }

    @Test func unknownScalingIsNamed() throws {
        let configuration: JSONValue = [
            "hidden_size": 64, "num_attention_heads": 4, "rope_scaling": ["rope_type": "spiral"],
        ]
        #expect(
            throws: ModelError.unsupported(
                key: "rope_type", value: "spiral",
                hint: "default, linear, llama3, yarn and longrope are")
        ) {
            try Llama.spec(ConfigurationReader(configuration))
        }
    }

    @Test(
        arguments: [
            ("num_attention_heads", JSONValue.integer(0)),
            ("num_attention_heads", .integer(-4)),
            ("num_key_value_heads", .integer(3)),
            ("hidden_size", .string("64")),
            ("hidden_size", .integer(1 << 40)),
            ("rms_norm_eps", .number(0)),
            ("vocab_size", .number(1.5)),
            ("num_hidden_layers", .integer(1_000_000)),
            ("hidden_act", .string("mish")),
        ])
    func badConfigurationIsRefused(key: String, value: JSONValue) {
        var configuration: JSONObject = [
            "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
        ]
        configuration[key] = value
        #expect(throws: ModelError.self) {
            try Llama.spec(ConfigurationReader(.object(configuration)))
        }
    }
}
