import Foundation
import HalftoneFiles
import HalftoneText
import Testing

/// Templates are untrusted: each way to ask for too much ends in a typed error.
@Suite struct TemplateLimitTests {
    /// Runs work on a thread with the small stack that some platforms give to threads.
    private func errorsOnSmallStack(_ sources: [String]) async -> [TemplateError?] {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: sources.map { self.error($0) }) }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    private func error(_ source: String, _ variables: JSONObject = [:]) -> TemplateError? {
        do throws(TemplateError) {
            _ = try ChatTemplate(source: source).render(variables: variables)
            return nil
        } catch {
            return error
        }
    }

    private func isLimit(_ error: TemplateError?) -> Bool {
        if case .limit = error { true } else { false }
    }

    @Test(arguments: [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 'ab' * 9223372036854775807 }}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "{% set ns = namespace(x=0) %}{% for i in range(5000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
        "{{ '{:>99999999999}'.format('x') }}",
        "{{ '%99999999999d' % 1 }}",
        "{{ 'x'.center(999999999999) }}",
        "{{ ('a' * 1000000).replace('', 'b' * 1000000) }}",
        "{{ (('a' * 1000000) | list | join('b' * 1000000)) }}",
        "{{ [1] | batch(999999999999, 0) | list }}",
        "{{ 'a' | indent(999999999999) }}",
        "{{ ('\\n' * 1000000) | indent(1000000, true, true) }}",
        "{{ [[1]] | tojson(indent=' ' * 16000000) }}",
    ])
    func hungryTemplatesStop(source: String) {
        let found = error(source)
        #expect(isLimit(found), "\(source): \(String(describing: found))")
    }

    @Test(arguments: [
        "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 9223372036854775807 * 2 }}", "{{ 2 ** 64 }}", "{{ 10 ** 400.0 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ (-9223372036854775807 - 1) | abs }}", "{{ 1e300 | int }}",
        "{{ range(-9223372036854775807, 9223372036854775807) }}",
        "{{ range(0, 9, -9223372036854775807 - 1) }}", "{{ 1 % 0 }}", "{{ 1.0 // 0 }}",
        "{{ 1e300 * 1e300 | int }}", "{{ '%c' % 1114112 }}", "{{ [1][::0] }}",
        "{{ 1 | round(999999999) }}",
    ])
    func arithmeticNeverTraps(source: String) {
        guard case .evaluation = error(source) else {
            Issue.record("\(source) gives \(String(describing: error(source)))")
            return
        }
    }

    @Test(arguments: [
        "{{ [1, 2, 3][9223372036854775807] is defined }}", "{{ 'abc'[-9223372036854775807 - 1:] }}",
        "{{ [1, 2][::9223372036854775807] }}", "{{ [1, 2][::-9223372036854775807] }}",
        "{{ [1, 2][-9223372036854775807 - 1:9223372036854775807:2] }}",
        "{{ 'abc'[9223372036854775807:0:-9223372036854775807 - 1] }}",
        "{{ (-9223372036854775807 - 1) % -1 }}", "{{ 'a'.zfill(-9223372036854775807) }}",
        "{{ 'abc'.find('c', -9223372036854775807 - 1) }}", "{{ [1] * -5 }}{{ 'a' * -5 }}",
        "{{ 'a' | truncate(9223372036854775807, false, '', 9223372036854775807) }}",
    ])
    func extremeIndicesAreFine(source: String) {
        #expect(error(source) == nil)
    }

    @Test func deepSourcesStopOnASmallStack() async {
        let count = 20_000
        let sources = [
            "{{ " + String(repeating: "(", count: count) + "1"
                + String(repeating: ")", count: count) + " }}",
            "{{ " + String(repeating: "[", count: count) + String(repeating: "]", count: count)
                + " }}",
            "{{ " + String(repeating: "-", count: count) + "1 }}",
            "{{ " + String(repeating: "not ", count: count) + "1 }}",
            "{{ x" + String(repeating: ".a", count: count) + " }}",
            "{{ 'x'" + String(repeating: "|upper", count: count) + " }}",
            "{{ " + String(repeating: "1 if 1 else ", count: count) + "1 }}",
            "{{ " + String(repeating: "1 if ", count: count) + "1 }}",
            String(repeating: "{% if 1 %}", count: count)
                + String(repeating: "{% endif %}", count: count),
            String(repeating: "{% for x in [1] %}", count: count),
            "{% set " + String(repeating: "(", count: count) + "a"
                + String(repeating: ")", count: count) + " = 1 %}",
        ]
        for (source, found) in zip(sources, await errorsOnSmallStack(sources)) {
            #expect(isLimit(found), "\(source.prefix(30)): \(String(describing: found))")
        }
    }

    @Test func nestingUpToTheLimitFitsASmallStack() async {
        let depth = 70
        let sources = [
            "{{ " + String(repeating: "(", count: depth) + "1"
                + String(repeating: ")", count: depth) + " }}",
            "{{ " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
                + " }}",
            "{{ 'x'" + String(repeating: "|upper", count: depth) + " }}",
            String(repeating: "{% if 1 %}", count: depth)
                + String(repeating: "{% endif %}", count: depth),
        ]
        let endless = [
            "{% macro f(x) %}{{ f([x|upper ~ (x ~ (x|lower))]|map('string')|join) }}{% endmacro %}{{ f('a') }}",
            "{% macro f(x) %}{% for y in [1] %}{% if y %}{{ [f(x)] | join(' ') }}{% endif %}{% endfor %}{% endmacro %}{{ f(1) }}",
            "{% macro f(x) %}{% call f(x) %}{{ f(x) }}{% endcall %}{{ caller() }}{% endmacro %}{% call f(1) %}{% endcall %}",
        ]
        for (source, found) in zip(sources, await errorsOnSmallStack(sources)) {
            #expect(found == nil, "\(source.prefix(30))")
        }
        for (source, found) in zip(endless, await errorsOnSmallStack(endless)) {
            #expect(isLimit(found), "\(source.prefix(30)): \(String(describing: found))")
        }
    }

    @Test func longFlatSourcesAreFine() {
        let count = 20_000
        let sum = "{{ 1" + String(repeating: " + 1", count: count) + " }}"
        let texts = "{{ 'a'" + String(repeating: " ~ 'a'", count: count) + " }}"
        let logic = "{{ 0" + String(repeating: " or 0", count: count) + " }}"
        let branches =
            "{% if 0 %}" + String(repeating: "{% elif 0 %}", count: count) + "{% endif %}"
        for source in [sum, texts, logic, branches] { #expect(error(source) == nil) }
    }

    @Test func everyCutAndEveryFlippedByteEndsInTextOrATypedError() throws {
        let conversations = try #require(try TemplateFixtures.json("conversations.json").object)
        let variables = try #require(conversations["tool_calls"]?.object)
        for name in ["header_tools", "macros", "thinking"] {
            let file = TemplateFixtures.folder.appending(path: name + ".jinja")
            let bytes = [UInt8](try Data(contentsOf: file))
            for index in bytes.indices {
                _ = error(String(decoding: bytes[..<index], as: UTF8.self), variables)
                var flipped = bytes
                flipped[index] ^= UInt8(1) << UInt8(index % 7)
                _ = error(String(decoding: flipped, as: UTF8.self), variables)
            }
        }
    }

    @Test func errorsNameTheLine() {
        #expect(error("a\nb\n{{ x.y }}") == .evaluation("'x' is undefined", line: 3))
        #expect(error("\n{{ raise_exception('no') }}") == .raised("no", line: 2))
        #expect(error("\n\n{% if %}{% endif %}")?.description.hasPrefix("template line 3:") == true)
    }

    @Test func sourceAndVariablesAreBounded() {
        var limits = TemplateLimits()
        limits.sourceBytes = 10
        #expect(throws: TemplateError.self) {
            try ChatTemplate(source: "01234567890", limits: limits)
        }
        var value = JSONValue.array([])
        for _ in 0..<1000 { value = .array([value]) }
        #expect(isLimit(error("{{ x }}", ["x": value])))
    }

    @Test func messagesBecomeWhatTemplatesRead() throws {
        let template = try ChatTemplate(
            source: """
                {{ bos_token }}{% for m in messages %}{{ m | tojson }}
                {% endfor %}{{ tools | tojson }}{{ add_generation_prompt }}{{ mood }}
                """)
        let call = ChatMessage.ToolCall(id: "c1", name: "f", arguments: ["x": 1])
        let text = try template.render(
            messages: [
                .system("s"), .user("u"),
                ChatMessage(role: "assistant", content: .null, toolCalls: [call]),
                ChatMessage(role: "tool", content: "r", toolCallID: "c1", name: "f"),
            ], tools: [["type": "function"]], addGenerationPrompt: false,
            specialTokens: ["bos_token": "<s>"], extra: ["mood": "fine"])
        #expect(
            text == """
                <s>{"role": "system", "content": "s"}
                {"role": "user", "content": "u"}
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": \
                "function", "function": {"name": "f", "arguments": {"x": 1}}}]}
                {"role": "tool", "content": "r", "tool_call_id": "c1", "name": "f"}
                [{"type": "function"}]Falsefine
                """)
    }
}
