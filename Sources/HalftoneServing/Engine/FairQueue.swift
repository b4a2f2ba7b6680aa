/// A queue whose clients take turns: each one's first waiting element comes before anyone's second.
///
/// Which client is next does not depend on how much others queue. All operations take constant
/// time but for the removal of an element from the middle.
struct FairQueue<Element> {
    private var queues: [String: [Element]] = [:]
    /// Clients that wait, the next one first.
    private var turns: [String] = []

    /// Elements that wait.
    private(set) var count = 0

    /// Whether nobody waits.
    var isEmpty: Bool { count == 0 }

    /// The element that comes next.
    var first: Element? { turns.first.flatMap { queues[$0]?.first } }

    /// Puts an element behind those of its client.
    mutating func append(_ element: Element, client: String) {
        if queues[client] == nil { turns.append(client) }
        queues[client, default: []].append(element)
        count += 1
    }

    /// Takes the element that comes next.
    mutating func popFirst() -> Element? {
        guard let client = turns.first, var queue = queues[client] else { return nil }
        turns.removeFirst()
        let element = queue.removeFirst()
        if queue.isEmpty {
            queues[client] = nil
        } else {
            queues[client] = queue
            turns.append(client)
        }
        count -= 1
        return element
    }

    /// Takes all elements out for which a condition holds.
    mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for client in turns {
            guard let queue = queues[client] else { continue }
            let kept = queue.filter { !condition($0) }
            guard kept.count < queue.count else { continue }
            removed += queue.filter(condition)
            queues[client] = kept.isEmpty ? nil : kept
        }
        turns.removeAll { queues[$0] == nil }
        count -= removed.count
        return removed
    }
}
