// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS("26.0")],
    dependencies: [.package(name: "Halftone", path: "..")],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [.product(name: "Halftone", package: "Halftone"), "AllocationCounter"],
            swiftSettings: [
                .strictMemorySafety(), .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
            ]),
        .executableTarget(
            name: "TrainingBenchmark",
            dependencies: [.product(name: "Halftone", package: "Halftone")],
            swiftSettings: [
                .strictMemorySafety(), .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
            ]),
        .target(name: "AllocationCounter"),
    ],
    swiftLanguageModes: [.v6]
)
