import HalftoneCheckpoints
import Testing

struct NamePatternTests {
    @Test(arguments: [
        (#".*q_proj$"#, "model.layers.0.self_attn.q_proj", true),
        (#".*q_proj$"#, "model.layers.0.self_attn.q_proj.x", false),
        (#"model\.layers\.\d+\.mlp"#, "model.layers.12.mlp.up_proj", true),
        (#"model\.layers\.\d+\.mlp"#, "modelxlayers.12.mlp", false),
        (#"layers"#, "model.layers", false),
        (#".*(gate|up|down)_proj"#, "model.layers.0.mlp.down_proj", true),
        (#".*(?:gate|up)_proj"#, "model.layers.0.mlp.down_proj", false),
        (#".*layers\.[0-3]\."#, "model.layers.2.mlp", true),
        (#".*layers\.[^0-3]\."#, "model.layers.2.mlp", false),
        (#"a{2,3}b"#, "aab", true), (#"a{2,3}b"#, "ab", false), (#"a{2}$"#, "aaa", false),
        (#"^lm_head$"#, "lm_head", true), (#"x+?y?z*"#, "xxx", true), ("", "anything", true),
        (#"\w+\.\S+"#, "a_1.b", true), (#"[\w.]+x"#, "a.b.x", true),
    ])
    func matchesAsPythonDoes(expression: String, name: String, isMatch: Bool) throws {
        #expect(try NamePattern(expression).matches(name) == isMatch)
    }

    @Test(arguments: ["(?!a).*", "(", ")", "[a", "*a", #"\1"#, "a{1,999}", "a{x}", #"(?P<n>a)"#])
    func whatIsNotReadIsRefused(expression: String) {
        #expect(throws: NamePattern.Refusal.self) { try NamePattern(expression) }
    }

    /// An engine that goes back would need 2^40 steps.
    @Test func nothingRunsAway() throws {
        let pattern = try NamePattern("(a*)*(a*)*(a|a)*b")
        #expect(!pattern.matches(String(repeating: "a", count: 400)))
    }

    @Test func repeatsOfRepeatsAreBounded() {
        #expect(throws: NamePattern.Refusal.self) {
            try NamePattern("((((a{64}){64}){64}){64}){64}")
        }
        #expect(throws: NamePattern.Refusal.self) {
            try NamePattern("(((((){64}){64}){64}){64}){64}")
        }
    }
}
