import Foundation
import HalftoneFiles
import Testing

private func memoryFolder(of process: pid_t, _ kind: String) -> String {
    NSTemporaryDirectory() + "halftone-memory-\(process)-\(kind)"
}

/// The most memory that this process has had, in bytes.
private func peakMemory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
}

/// Opens a file in a process of its own and stops that with an error when it took more than 4
/// times the file's size and a constant.
private func openWithinMemory(_ kind: String, _ open: (String) throws -> Int) throws {
    let path = memoryFolder(of: getppid(), kind) + "/f"
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
    let before = peakMemory()
    let count = try open(path)
    let used = peakMemory() - before
    let bound = 4 * (size?.intValue ?? 0) + 64 << 20
    guard used <= bound, count == maximumCount else {
        print("\(kind): \(used >> 20) MiB for \(bound >> 20) MiB, \(count) tensors")
        exit(1)
    }
}

/// The most tensors that either format is read with.
private let maximumCount = 1 << 20

/// The files with the largest ratio of values to bytes: as many tensors as are allowed, each as
/// short as it can be.
@Suite(
    .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status"), "needs /proc"),
    .serialized)
struct MemoryTests {
    private func write(_ bytes: [UInt8], _ kind: String) throws -> String {
        let folder = memoryFolder(of: getpid(), kind)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/f"))
        return folder
    }

    @Test func safetensorsOfEmptyTensors() async throws {
        var header = Array("{".utf8)
        for index in 0..<maximumCount {
            if index > 0 { header.append(0x2C) }
            let name = String(index, radix: 36)
            header += Array(
                "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}".utf8)
        }
        header.append(0x7D)
        let folder = try write(littleEndian(UInt64(header.count)) + header, "safetensors")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .success) {
            try openWithinMemory("safetensors") {
                try SafetensorsFile(contentsOf: $0).tensors.count
            }
        }
    }

    @Test func ggufOfEmptyTensors() async throws {
        var bytes = Array("GGUF".utf8) + littleEndian(UInt32(3))
        bytes += littleEndian(UInt64(maximumCount)) + littleEndian(UInt64(0))
        for index in 0..<maximumCount {
            bytes += GGUFBuilder.string(String(index, radix: 36)) + littleEndian(UInt32(1))
            bytes += littleEndian(Int64(0)) + littleEndian(Int32(0)) + littleEndian(UInt64(0))
        }
        while bytes.count % 32 != 0 { bytes.append(0) }
        let folder = try write(bytes, "gguf")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .success) {
            try openWithinMemory("gguf") { try GGUFFile(contentsOf: $0).tensors.count }
        }
    }
}
