import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// What the engine's thread does: lets requests in, reads prompts piece by piece, decodes all
/// sequences together.
final class ServingLoop {
    private let decoder: Decoder
    private let pool: WorkerPool
    private let limits: ServingEngine.Limits
    private let desk: RequestDesk
    private let workspace: Workspace

    private var running: [RunningSequence] = []
    private var prefixes = PrefixCache()
    private var batch: DecoderBatch?
    private var logits: [Float] = []
    private var status = ServingEngine.Status()

    /// Tokens of a prompt that are read between two steps of the others.
    private static let pieceBesideOthers = 64

    init(
        _ decoder: Decoder, pool: WorkerPool, limits: ServingEngine.Limits, desk: RequestDesk
    ) {
        self.decoder = decoder
        self.pool = pool
        self.limits = limits
        self.desk = desk
        workspace = decoder.makeWorkspace()
    }

    /// Works until the desk is stopped.
    func run() {
        while !desk.isStopped {
            dropEnded()
            let hasJob = admit()
            let hasRead = readPiece()
            let hasDecoded = decode()
            retire()
            publish()
            if !hasJob, !hasRead, !hasDecoded { desk.wait() }
        }
        for sequence in running {
            sequence.end(.failure(.stopping))
            sequence.tell()
        }
        running = []
        for order in desk.removeAll() { refuse(order, .stopping) }
        publish()
    }

    // MARK: Coming and going

    /// Ends what nobody waits for, or no longer.
    private func dropEnded() {
        let now = ContinuousClock.now
        for ticket in desk.removeEnded(at: now) {
            if ticket.isCancelled {
                ticket.source.yield(.finished(.cancelled))
                ticket.source.finish()
            } else {
                ticket.source.finish(throwing: ServingError.timedOut)
            }
        }
        for sequence in running where sequence.ending == nil {
            if sequence.ticket.isCancelled {
                sequence.end(.success(.cancelled))
            } else if sequence.ticket.end < now {
                sequence.end(.failure(.timedOut))
            }
        }
        retire()
    }

    /// Takes sequences out that are over, and keeps what they have read.
    private func retire() {
        guard running.contains(where: { $0.ending != nil }) else { return }
        for sequence in running where sequence.ending != nil {
            sequence.tell()
            prefixes.insert(
                Array(sequence.tokens.prefix(sequence.state.position)), sequence.state)
        }
        running.removeAll { $0.ending != nil }
        prefixes.shrink(to: limits.cacheByteCount - reserved)
        batch = nil
    }

    /// Bytes that the running sequences may come to take.
    private var reserved: Int {
        running.reduce(0) { $0 + desk.bytes(forTokens: $1.largest, of: decoder) }
    }

    /// Lets in what waits as far as there is room, and does jobs.
    ///
    /// - Returns: Whether a job was done.
    private func admit() -> Bool {
        var free = limits.cacheByteCount - reserved
        var hasJob = false
        while let order = desk.next(if: { order in
            guard case .generation(let ticket) = order else { return true }
            let tokens = ticket.request.prompt.count + ticket.request.limit
            return running.count < limits.sequences
                && desk.bytes(forTokens: tokens, of: decoder) <= free
        }) {
            switch order {
            case .generation(let ticket):
                let sequence = RunningSequence(
                    ticket, empty: decoder.makeState(capacity: 1, workspace: workspace),
                    vocabularySize: decoder.spec.vocabularySize)
                running.append(sequence)
                free -= desk.bytes(forTokens: sequence.largest, of: decoder)
                prefixes.shrink(to: free)
                batch = nil
            case .job(let body):
                body(.success(.init(decoder: decoder, workspace: workspace)))
                hasJob = true
                // One job at a time: others wait for their next token.
                return hasJob
            }
        }
        return hasJob
    }

    private func refuse(_ order: RequestDesk.Order, _ error: ServingError) {
        switch order {
        case .generation(let ticket): ticket.source.finish(throwing: error)
        case .job(let body): body(.failure(error))
        }
    }

    /// Begins a sequence with what is known of its prompt: of sequences that are over, and of those
    /// that others have read by now.
    private func begin(_ sequence: RunningSequence) {
        let prompt = sequence.ticket.request.prompt
        var best: (state: DecoderState, length: Int)?
        if decoder.canCopyStates {
            for other in running where other.cached != nil {
                let length = PrefixCache.common(prompt, other.tokens, most: other.state.position)
                if length >= PrefixCache.shortest, length > best?.length ?? 0 {
                    best = (other.state, length)
                }
            }
        }
        if let kept = prefixes.longest(of: prompt, longerThan: best?.length ?? 0) {
            if kept.isTaken { return start(sequence, kept.state) }
            if decoder.canCopyStates { best = (kept.state, kept.length) }
        }
        let capacity = min(sequence.largest, prompt.count + 256)
        start(
            sequence,
            best.map {
                decoder.makeState(
                    copying: $0.state, first: $0.length, capacity: capacity, workspace: workspace)
            } ?? decoder.makeState(capacity: capacity, workspace: workspace))
    }

    private func start(_ sequence: RunningSequence, _ state: DecoderState) {
        sequence.begin(with: state)
        status.reusedTokens += state.position
        // The batch has the states of before.
        batch = nil
    }

    // MARK: Work

    /// Reads a piece of the prompt that came first.
    private func readPiece() -> Bool {
        guard let sequence = running.first(where: { !$0.isRead }) else { return false }
        if sequence.cached == nil { begin(sequence) }
        let others = running.contains { $0.isRead }
        let piece = sequence.unread.prefix(others ? Self.pieceBesideOthers : Decoder.chunk)
        sequence.reserve(sequence.state.position + piece.count)
        do {
            if piece.count == sequence.unread.count {
                try decoder.logits(
                    after: Array(piece), state: sequence.state, into: &sequence.logits)
                sequence.ticket.source.yield(.read(cachedTokens: sequence.cached ?? 0))
                sequence.choose()
                status.generatedTokens += 1
            } else {
                try decoder.read(Array(piece), state: sequence.state) { _, _ in }
            }
            status.readTokens += piece.count
        } catch {
            sequence.end(.failure(.unreadable(error)))
        }
        return true
    }

    /// Decodes a token of each sequence whose prompt is read.
    private func decode() -> Bool {
        let ready = running.filter { $0.isRead && $0.ending == nil }
        guard !ready.isEmpty else { return false }
        let size = decoder.spec.vocabularySize
        for sequence in ready { sequence.reserve(sequence.tokens.count) }
        let batch = batch(of: ready)
        if logits.count < ready.count * size {
            logits = [Float](repeating: 0, count: ready.count * size)
        }
        do {
            try decoder.logits(after: ready.map(\.lastToken), batch: batch, into: &logits)
        } catch {
            for sequence in ready { sequence.end(.failure(.unreadable(error))) }
            return true
        }
        pool.run(parts: ready.count) { index in
            let sequence = ready[index]
            sequence.take(logits[index * size..<(index + 1) * size])
            sequence.choose()
        }
        status.generatedTokens += ready.count
        return true
    }

    /// The batch of some sequences, the one of the step before where they are the same.
    private func batch(of ready: [RunningSequence]) -> DecoderBatch {
        if let batch, batch.states.count == ready.count,
            zip(batch.states, ready).allSatisfy({ $0 === $1.state })
        {
            return batch
        }
        let batch = decoder.makeBatch(ready.map(\.state), workspace: workspace)
        self.batch = batch
        return batch
    }

    private func publish() {
        status.active = running.count
        status.cacheByteCount =
            prefixes.byteCount + running.reduce(0) { $0 + $1.state.cacheByteCount }
        status.cachedTokens = prefixes.tokenCount
        desk.publish(status)
    }
}
