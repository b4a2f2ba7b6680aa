/// Why a run cannot be opened or cannot go on.
///
/// What the disk refused is a ``FileSystemError`` or a ``WriteError``.
public enum RunError: Error, Sendable, Equatable, CustomStringConvertible {
    case notARun(path: String)
    case alreadyExists(path: String)
    case doesNotExist(path: String)
    case damaged(path: String, reason: String)
    case newerFormat(path: String, found: Int, known: Int)
    case otherKind(path: String, found: String, wanted: String)
    case recipeDiffers(path: String, differences: [String])
    case unitsDiffer(path: String, onlyInRun: [String], onlyNow: [String])
    case badUnitName(String, reason: String)
    case lockHeld(path: String, owner: String)
    case lockLost(path: String)
    case claimLost(unit: String)
    case unitMissing(path: String, unit: String)
    case noResult(unit: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .notARun(let path):
            "\(path) exists and is not the folder of a run; give another name"
        case .alreadyExists(let path):
            "\(path) holds a run already; resume it or give another name"
        case .doesNotExist(let path):
            "\(path) holds no run to resume"
        case .damaged(let path, let reason):
            "\(path) is not as a run wrote it: \(reason)"
        case .newerFormat(let path, let found, let known):
            "\(path) has format \(found); this version of Halftone reads up to \(known)"
        case .otherKind(let path, let found, let wanted):
            "\(path) holds a run of \"\(found)\", not of \"\(wanted)\"; give another name"
        case .recipeDiffers(let path, let differences):
            "\(path) was started with another recipe; resume it with that one or give another "
                + "name\n" + Self.lines(differences)
        case .unitsDiffer(let path, let onlyInRun, let onlyNow):
            "\(path) was started with other units of work; give another name\n"
                + Self.lines(
                    onlyInRun.map { "only in the run: \($0)" } + onlyNow.map { "only now: \($0)" })
        case .badUnitName(let name, let reason):
            "\"\(name)\" cannot name a unit of work: \(reason)"
        case .lockHeld(let path, let owner):
            "\(path) is being written by \(owner); wait for it to end or give another name"
        case .lockLost(let path):
            "\(path) was taken over by another process, since this one did not move for too long"
        case .claimLost(let unit):
            "\(unit) was taken over by another worker, since this one did not move for too long"
        case .unitMissing(let path, let unit):
            "\(path): the folder of unit \(unit) is gone"
        case .noResult(let unit):
            "\(unit) has no result of that kind yet"
        }
    }

    private static func lines(_ items: [String]) -> String {
        let shown = items.prefix(20).map { "  " + $0 }
        let rest = items.count - shown.count
        return (shown + (rest > 0 ? ["  and \(rest) more"] : [])).joined(separator: "\n")
    }
}
