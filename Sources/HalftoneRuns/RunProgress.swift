import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Tells a person how far a long piece of work is, and how long the rest will take.
///
/// Nothing is printed during the first two seconds, so that quick work stays quiet; then at most
/// five lines a second on a terminal, where each replaces the one before, and one in ten seconds
/// elsewhere. Only standard error is written to. Values may be shared between threads.
public final class RunProgress: Sendable {
    /// Where lines go.
    public struct Output: Sendable {
        /// Prints text as it is, line ends included.
        public let print: @Sendable (String) -> Void
        /// Whether lines may be rewritten with a carriage return.
        public let isTerminal: Bool
        /// Whether nothing is printed at all.
        public let isSilent: Bool

        /// Describes a destination.
        public init(isTerminal: Bool, print: @escaping @Sendable (String) -> Void) {
            self.print = print
            self.isTerminal = isTerminal
            isSilent = false
        }

        private init() {
            print = { _ in }
            isTerminal = false
            isSilent = true
        }

        /// Prints nothing.
        public static let silent = Output()

        /// Standard error of this process.
        public static var standardError: Output {
            Output(isTerminal: isatty(2) == 1) { text in
                try? FileHandle.standardError.write(contentsOf: Array(text.utf8))
            }
        }
    }

    /// A steady clock in seconds.
    public typealias Clock = @Sendable () -> Double

    /// What is being done, in a few words.
    public let title: String
    /// Units in all, or nil when that is not known.
    public let total: Int?
    /// The name of a unit in the plural: `tensors`, `tokens`.
    public let unit: String

    private struct State {
        var completed = 0
        var note = ""
        var lastPrinted: Double?
        var widthOnScreen = 0
        var isFinished = false
    }

    private let alreadyCompleted: Int
    private let output: Output
    private let clock: Clock
    private let start: Double
    private let state = Mutex(State())

    private static let quietSeconds = 2.0
    private static let secondsBetweenLinesOnTerminal = 0.2
    private static let secondsBetweenLinesElsewhere = 10.0

    /// Starts the clock.
    ///
    /// - Parameters:
    ///   - title: What is being done.
    ///   - total: Units in all, if known; the estimate needs it.
    ///   - unit: The name of a unit in the plural.
    ///   - alreadyCompleted: Units that were done before; they do not count for the rate.
    ///   - output: Where lines go.
    ///   - clock: A steady clock in seconds, for tests.
    public init(
        _ title: String, total: Int? = nil, unit: String = "", alreadyCompleted: Int = 0,
        output: Output = .standardError,
        clock: @escaping Clock = { ProcessInfo.processInfo.systemUptime }
    ) {
        self.title = title
        self.total = total
        self.unit = unit
        self.alreadyCompleted = alreadyCompleted
        self.output = output
        self.clock = clock
        start = clock()
        state.withLock { $0.completed = alreadyCompleted }
    }

    deinit { finish() }

    /// Units done so far.
    public var completed: Int { state.withLock { $0.completed } }

    /// Counts units as done.
    ///
    /// - Parameters:
    ///   - count: How many more are done.
    ///   - note: What is at work now, such as the name of a tensor.
    public func advance(by count: Int = 1, note: String? = nil) {
        report(note: note) { $0 += count }
    }

    /// Sets the number of units that are done.
    public func update(completed: Int, note: String? = nil) {
        report(note: note) { $0 = completed }
    }

    /// Takes the line off the terminal; elsewhere says how long all took, if anything was said.
    public func finish() {
        guard !output.isSilent else { return }
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            guard state.lastPrinted != nil else { return }
            if output.isTerminal {
                output.print("\r" + String(repeating: " ", count: state.widthOnScreen) + "\r")
            } else {
                output.print("\(title): done in \(Self.duration(clock() - start))\n")
            }
        }
    }

    private func report(note: String?, _ change: (inout Int) -> Void) {
        let now = output.isSilent ? 0 : clock()
        state.withLock { state in
            change(&state.completed)
            if let note { state.note = note }
            guard !output.isSilent, !state.isFinished, now - start >= Self.quietSeconds else {
                return
            }
            let wait =
                output.isTerminal
                ? Self.secondsBetweenLinesOnTerminal : Self.secondsBetweenLinesElsewhere
            if let last = state.lastPrinted, now - last < wait { return }
            state.lastPrinted = now
            let line = line(state, elapsed: now - start)
            guard output.isTerminal else { return output.print(line + "\n") }
            let padding = max(0, state.widthOnScreen - line.count)
            output.print("\r" + line + String(repeating: " ", count: padding))
            state.widthOnScreen = line.count
        }
    }

    private func line(_ state: State, elapsed: Double) -> String {
        let unit = unit.isEmpty ? "" : " " + unit
        var parts: [String] = []
        let news = max(0, state.completed - alreadyCompleted)
        let rate = elapsed > 0 ? Double(news) / elapsed : 0
        if let total, total > 0 {
            let share = min(1, max(0, Double(state.completed) / Double(total)))
            parts.append("\(Int(share * 100)) % (\(state.completed) of \(total)\(unit))")
            if rate > 0 {
                parts.append("\(Self.rate(rate))\(unit)/s")
                let left = max(0, Double(total) - Double(state.completed)) / rate
                parts.append("\(Self.duration(left)) left")
            }
        } else {
            parts.append("\(state.completed)\(unit)")
            if rate > 0 { parts.append("\(Self.rate(rate))\(unit)/s") }
            parts.append(Self.duration(elapsed))
        }
        if !state.note.isEmpty { parts.append(state.note) }
        // One line of a common terminal; a longer one could not be rewritten.
        return String("\(title): \(parts.joined(separator: ", "))".prefix(79))
    }

    /// A span of time as `8 s`, `2 min 05 s` or `3 h 07 min`.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "a long time" }
        let whole = Int(max(0, seconds).rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        return "\(whole / 3600) h \(two(whole / 60 % 60)) min"
    }

    private static func rate(_ value: Double) -> String {
        value >= 10 ? "\(Int(min(value, 1e15)))" : "\((value * 100).rounded() / 100)"
    }
}
