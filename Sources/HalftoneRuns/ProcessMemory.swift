import Foundation

/// What the operating system says about this process.
public enum ProcessMemory {
    /// The largest resident size so far in bytes, or nil where the system does not tell.
    public static var peakBytes: Int? {
        #if os(Linux)
            status("VmHWM:")
        #else
            var usage = unsafe rusage()
            guard unsafe getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
            return Int(unsafe usage.ru_maxrss)
        #endif
    }

    /// Forgets the largest resident size so far: from here on ``peakBytes`` is that of what comes.
    ///
    /// What was freed, but is kept to be used again, counts on.
    ///
    /// - Returns: Whether the system does that.
    public static func resetPeak() -> Bool {
        #if os(Linux)
            do {
                try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
                return true
            } catch {
                return false
            }
        #else
            return false
        #endif
    }

    /// The resident size in bytes, or nil where the system does not tell.
    public static var residentBytes: Int? {
        #if os(Linux)
            status("VmRSS:")
        #else
            nil
        #endif
    }

    #if os(Linux)
        /// A number of kibibytes among what the system says.
        private static func status(_ field: String) -> Int? {
            guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            else { return nil }
            for line in text.split(separator: "\n") where line.hasPrefix(field) {
                return Int(line.filter(\.isNumber)).map { $0 * 1024 }
            }
            return nil
        }
    #endif
}
