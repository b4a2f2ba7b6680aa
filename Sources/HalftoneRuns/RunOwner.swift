import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Who works on a run: one process, on one machine.
///
/// Written as `machine-process-start-nonce` it ends the name of everything that the owner claims,
/// so a claim and its owner appear in one rename.
public struct RunOwner: Sendable, Hashable, CustomStringConvertible {
    /// 16 hexadecimal digits for the host's name, its boot and the space of its process numbers.
    ///
    /// Two containers on one host have two machines, since neither sees the other's processes.
    public var machine: String
    /// The number of the process.
    public var process: Int32
    /// When the process started, in the system's ticks; tells a reused number apart.
    public var start: UInt64
    /// Tells apart two openings by one process.
    public var nonce: String

    /// States an owner.
    public init(machine: String, process: Int32, start: UInt64, nonce: String) {
        self.machine = machine
        self.process = process
        self.start = start
        self.nonce = nonce
    }

    /// This process, with a new nonce.
    public static func current() -> RunOwner {
        RunOwner(
            machine: currentMachine, process: getpid(),
            start: processInformation(getpid())?.start ?? 0,
            nonce: UUID().uuidString.prefix(8).lowercased())
    }

    /// Reads what ``description`` wrote, or returns nil.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, let process = Int32(parts[1]), let start = UInt64(parts[2]) else {
            return nil
        }
        self.init(
            machine: String(parts[0]), process: process, start: start, nonce: String(parts[3]))
    }

    /// The owner as a part of a file name.
    public var description: String { "\(machine)-\(process)-\(start)-\(nonce)" }

    /// Whether the owner's process has certainly ended.
    ///
    /// Only a process of this machine can be asked; false for any other.
    public var isKnownDead: Bool {
        guard machine == Self.currentMachine else { return false }
        if kill(process, 0) != 0, errno == ESRCH { return true }
        guard let information = Self.processInformation(process) else { return false }
        return information.isEnded || information.start != start
    }

    private static let currentMachine: String = {
        func text(_ path: String) -> String {
            (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        }
        let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        let parts = [
            ProcessInfo.processInfo.hostName, text("/proc/sys/kernel/random/boot_id"), space ?? "",
        ]
        return String(SHA256.hexadecimal(of: Array(parts.joined(separator: "|").utf8)).prefix(16))
    }()

    /// Start and end of a process as Linux tells them; nil elsewhere, or for no process.
    private static func processInformation(_ process: Int32) -> (start: UInt64, isEnded: Bool)? {
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = line.lastIndex(of: ")")
        else { return nil }
        // The name, in parentheses, may hold spaces. After it: state is field 3, start field 22.
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        return (start, fields[0] == "Z" || fields[0] == "X")
    }
}
