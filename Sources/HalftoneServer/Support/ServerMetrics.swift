import HalftoneRuntime
import HalftoneServing
import Metrics

/// What a server counts and times.
struct ServerMetrics: Sendable {
    /// Where everything goes.
    let factory = PrometheusMetrics(
        bounds: ["halftone_answer_tokens_per_second": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]])

    /// Notes a request that was answered, with what.
    ///
    /// - Parameters:
    ///   - path: The route, not what the client wrote.
    ///   - status: The response's status.
    func note(path: String, status: Int) {
        Counter(
            label: "halftone_requests_total",
            dimensions: [("path", path), ("status", String(status))], factory: factory
        ).increment()
    }

    /// Notes an answer that has ended.
    func note(_ end: AnswerEnd, model: String) {
        let dimensions = [("model", model)]
        Counter(
            label: "halftone_generated_tokens_total", dimensions: dimensions, factory: factory
        ).increment(by: end.tokenCount)
        Counter(
            label: "halftone_reused_tokens_total", dimensions: dimensions, factory: factory
        ).increment(by: end.cachedTokens)
        if let first = end.firstToken {
            Timer(
                label: "halftone_time_to_first_token_seconds", dimensions: dimensions,
                factory: factory
            ).record(duration: first)
            let rest = (end.duration - first).seconds
            if end.tokenCount > 1, rest > 0 {
                Recorder(
                    label: "halftone_answer_tokens_per_second", dimensions: dimensions,
                    aggregate: true, factory: factory
                ).record(Double(end.tokenCount - 1) / rest)
            }
        }
        Timer(
            label: "halftone_answer_seconds", dimensions: dimensions, factory: factory
        ).record(duration: end.duration)
    }

    /// All metrics as text, with what goes on in each engine now.
    func text(_ models: [(name: String, status: ServingEngine.Status)]) -> String {
        for (name, status) in models {
            let gauges = [
                ("halftone_active_sequences", Double(status.active)),
                ("halftone_waiting_requests", Double(status.waiting)),
                ("halftone_cache_bytes", Double(status.cacheByteCount)),
                ("halftone_cached_tokens", Double(status.cachedTokens)),
                ("halftone_tokens_per_second", status.tokensPerSecond),
                ("halftone_prompt_tokens_per_second", status.promptTokensPerSecond),
            ]
            for (label, value) in gauges {
                Gauge(label: label, dimensions: [("model", name)], factory: factory).record(value)
            }
        }
        return factory.text
    }
}
