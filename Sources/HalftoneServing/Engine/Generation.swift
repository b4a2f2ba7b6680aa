import HalftoneRuntime

/// The answer to a request as it is made.
///
/// It ends after `.finished`, or throws a ``ServingError``. Who stops to listen, by leaving the
/// loop's task or by ``cancel()``, ends the work on it within a token.
public struct Generation: AsyncSequence, Sendable {
    let events: AsyncThrowingStream<GenerationEvent, any Error>
    private let onCancel: @Sendable () -> Void

    init(
        _ events: AsyncThrowingStream<GenerationEvent, any Error>,
        onCancel: @escaping @Sendable () -> Void
    ) {
        self.events = events
        self.onCancel = onCancel
    }

    /// Ends the work; what was made before is still delivered.
    public func cancel() { onCancel() }

    /// Listens to the events; only one listener gets each.
    public func makeAsyncIterator() -> AsyncThrowingStream<GenerationEvent, any Error>.Iterator {
        events.makeAsyncIterator()
    }
}
