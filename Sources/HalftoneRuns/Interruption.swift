import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Removes unfinished files when the process is asked to stop (Ctrl-C or SIGTERM).
///
/// Signals belong to the whole process, hence so does this. Nothing happens until a program calls
/// ``install(deciding:)``; libraries only register what must not be left behind.
public enum Interruption {
    private struct State {
        var temporaries: Set<String> = []
        var sources: [any DispatchSourceSignal] = []
        var decide: @Sendable (Int32) -> Bool = { _ in true }
    }

    private static let state = Mutex(State())

    /// Starts to watch for SIGINT and SIGTERM; a second call replaces the decision.
    ///
    /// The handler runs on a thread of its own, so it works while the main thread computes. It
    /// removes all registered files and exits with 128 + the signal: 130 for Ctrl-C, 143 for
    /// SIGTERM.
    ///
    /// - Parameter decide: Called with the signal's number; false means that the program deals
    ///   with it (a chat that stops its answer, a server that drains) and goes on.
    public static func install(
        deciding decide: @escaping @Sendable (Int32) -> Bool = { _ in true }
    ) {
        state.withLock { state in
            state.decide = decide
            guard state.sources.isEmpty else { return }
            let queue = DispatchQueue(label: "halftone.interruption", qos: .userInteractive)
            for number in [SIGINT, SIGTERM] {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { handle(number) }
                // A signal between here and the registration would be lost: wait for it.
                let isRegistered = DispatchSemaphore(value: 0)
                source.setRegistrationHandler { isRegistered.signal() }
                source.resume()
                isRegistered.wait()
                state.sources.append(source)
            }
        }
    }

    /// Registers a file to be removed when the process is interrupted.
    public static func addTemporary(_ path: String) {
        state.withLock { _ = $0.temporaries.insert(path) }
    }

    /// Takes a file off the register, because it is complete or gone.
    public static func removeTemporary(_ path: String) {
        state.withLock { _ = $0.temporaries.remove(path) }
    }

    /// Removes all registered files now.
    public static func removeTemporaries() {
        state.withLock { state in
            for path in state.temporaries { try? FileManager.default.removeItem(atPath: path) }
            state.temporaries = []
        }
    }

    private static func handle(_ number: Int32) {
        let endsHere = state.withLock { $0.decide }(number)
        guard endsHere else { return }
        removeTemporaries()
        _exit(128 + number)
    }
}
