// Times Halftone's kernels as ratios to a baseline of the same run, after checking their results.
//
//   swift run -c release --package-path Benchmarks Benchmarks [--filter TEXT] [--quick] [--json]
//
// Exits with 1 when a result is wrong or a threshold of thresholds.json is exceeded, with 64 for
// arguments it does not know.
import Foundation

var filter = ""
var isQuick = false
var printsJSON = false
var thresholdsPath = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().appendingPathComponent("../../thresholds.json").path

var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--filter": filter = arguments.popFirst() ?? ""
    case "--thresholds": thresholdsPath = arguments.popFirst() ?? thresholdsPath
    case "--quick": isQuick = true
    case "--json": printsJSON = true
    default:
        complain("unknown argument \(argument); known: --filter, --thresholds, --quick, --json")
        exit(64)
    }
}

do {
    let thresholds = try Thresholds(contentsOf: thresholdsPath)
    let groups =
        try conversionBenchmarks() + productBenchmarks() + wideProductBenchmarks()
        + convolutionBenchmarks()
    let names = groups.flatMap { $0.members.map(\.name) }
    var complaints = thresholds.unknownNames(among: names).map { "\($0): no such benchmark" }
    var measurements: [Measurement] = []
    for group in groups where filter.isEmpty || group.name.contains(filter) {
        complain("measuring \(group.name)…")
        measurements += measure(
            group, rounds: isQuick ? 3 : 15, roundTime: .milliseconds(isQuick ? 1 : 10))
    }
    print(printsJSON ? try json(measurements) : table(measurements))
    complaints += thresholds.complaints(about: measurements)
    for complaint in complaints { complain(complaint) }
    exit(complaints.isEmpty ? 0 : 1)
} catch {
    complain("\(error)")
    exit(1)
}

/// Writes a line to standard error.
func complain(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
