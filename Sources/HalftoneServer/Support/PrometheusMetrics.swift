import CoreMetrics
import Synchronization

/// Keeps metrics and writes them as Prometheus reads them (text format 0.0.4).
///
/// Counters count, timers and aggregating recorders become histograms, others gauges. Names and
/// dimensions are the program's own, never a client's, so that there are only so many.
final class PrometheusMetrics: MetricsFactory {
    private enum Kind: String { case counter, gauge, histogram }

    private struct Family {
        var kind: Kind
        /// By the text of their dimensions.
        var values: [String: Value] = [:]
    }

    private struct Value {
        var sum = 0.0
        /// For histograms: how many were at most each bound, and how many in all.
        var counts: [Int] = []
        var count = 0
    }

    private let families = Mutex<[String: Family]>([:])
    private let bounds: [String: [Double]]

    /// The bounds of histograms that have none of their own: seconds from 5 ms to 2 min.
    private static let seconds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
    ]

    /// - Parameter bounds: The bounds of histograms by their names.
    init(bounds: [String: [Double]] = [:]) { self.bounds = bounds }

    /// All metrics.
    var text: String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, value) in family.values.sorted(by: { $0.key < $1.key }) {
                guard family.kind == .histogram else {
                    text += "\(name)\(braced(labels)) \(value.sum)\n"
                    continue
                }
                for (bound, count) in zip(bounds(of: name), value.counts) {
                    text += "\(name)_bucket\(braced(labels, "le=\"\(bound)\"")) \(count)\n"
                }
                text += "\(name)_bucket\(braced(labels, "le=\"+Inf\"")) \(value.count)\n"
                text += "\(name)_sum\(braced(labels)) \(value.sum)\n"
                text += "\(name)_count\(braced(labels)) \(value.count)\n"
            }
        }
        return text
    }

    private func braced(_ labels: String, _ more: String = "") -> String {
        let all = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
        return all.isEmpty ? "" : "{\(all)}"
    }

    private func bounds(of name: String) -> [Double] { bounds[name] ?? Self.seconds }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                .replacing("\n", with: "\\n")
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }

    // MARK: Handlers

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Handler(self, label, Self.labels(dimensions), .counter)
    }

    func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        Handler(self, label, Self.labels(dimensions), aggregate ? .histogram : .gauge)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Handler(self, label, Self.labels(dimensions), .histogram)
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private func note(_ name: String, _ labels: String, _ kind: Kind, _ value: Double) {
        let bounds = kind == .histogram ? bounds(of: name) : []
        families.withLock { families in
            var entry = families[name, default: Family(kind: kind)].values[labels] ?? Value()
            switch kind {
            case .counter: entry.sum += value
            case .gauge: entry.sum = value
            case .histogram:
                if entry.counts.isEmpty { entry.counts = bounds.map { _ in 0 } }
                for (index, bound) in bounds.enumerated() where value <= bound {
                    entry.counts[index] += 1
                }
                entry.sum += value
                entry.count += 1
            }
            families[name, default: Family(kind: kind)].values[labels] = entry
        }
    }

    private final class Handler: CounterHandler, RecorderHandler, TimerHandler {
        private let metrics: PrometheusMetrics
        private let name: String
        private let labels: String
        private let kind: Kind

        init(_ metrics: PrometheusMetrics, _ name: String, _ labels: String, _ kind: Kind) {
            self.metrics = metrics
            self.name = name
            self.labels = labels
            self.kind = kind
        }

        func increment(by amount: Int64) { metrics.note(name, labels, kind, Double(amount)) }
        func reset() {}
        func record(_ value: Int64) { metrics.note(name, labels, kind, Double(value)) }
        func record(_ value: Double) { metrics.note(name, labels, kind, value) }
        func recordNanoseconds(_ duration: Int64) {
            metrics.note(name, labels, kind, Double(duration) * 1e-9)
        }
    }
}
