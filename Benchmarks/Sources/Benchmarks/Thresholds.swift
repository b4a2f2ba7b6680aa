import Foundation

/// What no run may exceed, from `thresholds.json`.
struct Thresholds: Codable {
    /// Limits of one benchmark; a missing one is not held.
    struct Limits: Codable {
        /// Allocations of one run.
        var allocations: Int?
        /// Bytes of the stored form.
        var storedBytes: Int?
    }

    /// Limits by the benchmark's name.
    var limits: [String: Limits]

    /// Reads `{"name": {"allocations": 0, "storedBytes": 100}, …}`.
    init(contentsOf path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        limits = try JSONDecoder().decode([String: Limits].self, from: data)
    }

    /// What a run got wrong: results, exceeded limits, and limits of benchmarks that are gone.
    func complaints(about measurements: [Measurement]) -> [String] {
        var complaints: [String] = []
        for measurement in measurements {
            if let failure = measurement.failure {
                complaints.append("\(measurement.name): \(failure)")
            }
            let limit = limits[measurement.name]
            if let found = measurement.allocations, let most = limit?.allocations, found > most {
                complaints.append("\(measurement.name): \(found) allocations, at most \(most)")
            }
            if let found = measurement.storedBytes, let most = limit?.storedBytes, found > most {
                complaints.append("\(measurement.name): \(found) stored bytes, at most \(most)")
            }
        }
        return complaints
    }

    /// Names in the file that no benchmark has.
    func unknownNames(among names: [String]) -> [String] {
        Set(limits.keys).subtracting(names).sorted()
    }
}
