import Synchronization
import _HalftoneShims

/// What the threads of a pool can do at most, measured now: other programs take their share.
public enum MachineLimits {
    /// Bytes that memory is read at per second, beyond what caches hold.
    ///
    /// The median of five readings of 256 MiB.
    public static func readBandwidth(on pool: WorkerPool) -> Double {
        let speed = speed(ofReading: FloatArray(repeating: 1, count: 1 << 26), pool)
        FloatArray.releaseUnusedMemory()
        return speed
    }

    private static func speed(ofReading memory: FloatArray, _ pool: WorkerPool) -> Double {
        let bytes = memory.count * MemoryLayout<Float>.size
        let shared = unsafe Shared(memory.pointer)
        let parts = pool.threadCount * 16
        let total = Atomic<UInt64>(0)
        return bytes.perSecond {
            pool.run(parts: parts) { part in
                let range = part * memory.count / parts..<(part + 1) * memory.count / parts
                let sum = unsafe (shared.pointer + range.lowerBound).withMemoryRebound(
                    to: UInt8.self, capacity: range.count * 4
                ) { unsafe halftone_read_memory($0, Int64(range.count * 4)) }
                total.wrappingAdd(sum, ordering: .relaxed)
            }
        }
    }

    /// Multiplications and additions of bytes per second with the instructions that products use,
    /// all in registers; nil where this is not known.
    public static func byteOperations(on pool: WorkerPool) -> Double? {
        let rounds: Int64 = 1 << 18
        let perRound = halftone_byte_products(Processor.features, 1)
        guard perRound > 0 else { return nil }
        let parts = pool.threadCount * 16
        return (Int(perRound * rounds) * parts).perSecond {
            pool.run(parts: parts) { _ in
                _ = halftone_byte_products(Processor.features, rounds)
            }
        }
    }
}

extension Int {
    /// How many of this are done per second, if a body does this many: the median of five runs.
    fileprivate func perSecond(_ body: () -> Void) -> Double {
        body()
        let times = (0..<5).map { _ in ContinuousClock().measure(body) / .seconds(1) }
        return Double(self) / Swift.max(times.sorted()[2], 1e-9)
    }
}
