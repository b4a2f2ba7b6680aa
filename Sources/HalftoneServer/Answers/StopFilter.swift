/// Passes text on until one of some texts appears in it.
///
/// What may be the beginning of such a text waits until it is certain.
struct StopFilter: Sendable {
    private let stops: [[UInt8]]
    private var waiting: [UInt8] = []

    /// Whether a stop text has appeared.
    private(set) var isStopped = false

    init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    /// Takes a piece of text and returns what is certain to be before any stop text.
    mutating func push(_ text: String) -> String {
        guard !isStopped else { return "" }
        guard !stops.isEmpty else { return text }
        waiting += text.utf8
        for start in waiting.indices {
            let rest = waiting[start...]
            var mayBegin = false
            for stop in stops {
                if rest.starts(with: stop) {
                    isStopped = true
                    return take(start)
                }
                if rest.count < stop.count, stop.starts(with: rest) { mayBegin = true }
            }
            if mayBegin { return take(start) }
        }
        return take(waiting.count)
    }

    /// What waited when the text is over.
    mutating func finish() -> String { isStopped ? "" : take(waiting.count) }

    private mutating func take(_ count: Int) -> String {
        let text = String(decoding: waiting[..<count], as: UTF8.self)
        waiting.removeFirst(count)
        return text
    }
}
