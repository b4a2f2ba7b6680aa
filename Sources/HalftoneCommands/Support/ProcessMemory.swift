import Foundation

/// What the operating system says about this process.
enum ProcessMemory {
    /// The largest resident size so far in bytes, or nil where the system does not tell.
    static var peakBytes: Int? {
        #if os(Linux)
            guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            else {
                return nil
            }
            for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
                let digits = line.filter(\.isNumber)
                return Int(digits).map { $0 * 1024 }
            }
            return nil
        #else
            var usage = unsafe rusage()
            guard unsafe getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
            return Int(unsafe usage.ru_maxrss)
        #endif
    }
}
