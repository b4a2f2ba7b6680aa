// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target: Swift 6 mode, strict memory safety, warnings as errors.
let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// A library target of this package with the shared settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of one target.
func tests(_ target: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: target + "Tests",
        dependencies: [.init(stringLiteral: target), "HalftoneTesting"] + dependencies,
        swiftSettings: settings)
}

/// The files of the server's page, which become part of the program.
let pageFiles = [
    "answer.js", "api.js", "app.js", "charts.js", "chat.js", "compare.js", "conversation.js",
    "copy.js", "dom.js", "heatmap.js", "index.html", "key.js", "live.js", "markdown.js",
    "matrices.js", "model.js", "models.js", "numbers.js", "page.css", "scale.js", "settings.js",
    "tabs.js", "tokens.js", "turns.js",
]

let package = Package(
    name: "Halftone",
    platforms: [.macOS("26.0")],
    products: [
        .library(name: "Halftone", targets: ["Halftone"]),
        .library(name: "HalftoneTesting", targets: ["HalftoneTesting"]),
        .executable(name: "halftone", targets: ["HalftoneTool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "HalftoneTool", dependencies: ["HalftoneCommands"], swiftSettings: settings),
        .target(
            name: "HalftoneCommands",
            dependencies: [
                "HalftoneCompression", "HalftoneData", "HalftoneReport", "HalftoneReproductions",
                "HalftoneServer", "HalftoneTraining",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), "CLibCrypto",
            ],
            swiftSettings: settings),
        .target(
            name: "HalftoneReproductions",
            dependencies: [
                "HalftoneCompression", "HalftoneMethods", "HalftoneAllocation", "HalftoneData",
                "HalftoneModels", "HalftoneFiles", "HalftoneRuns",
            ],
            resources: [.copy("Results")], swiftSettings: settings),
        library(
            "HalftoneMethods",
            ["HalftoneAllocation", "HalftoneFiles", "HalftoneRuntime", "HalftoneTransforms"]),
        library("HalftoneTransforms", ["HalftoneModels", "HalftoneQuantization"]),
        library(
            "HalftoneCompression",
            [
                "HalftoneEvaluation", "HalftoneMethods", "HalftoneRuns", "HalftoneTraining",
                "HalftoneTransforms",
            ]),
        .target(
            name: "HalftoneServer",
            dependencies: [
                "HalftoneServing", "HalftoneRuns",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: pageFiles.map { .embedInCode("Page/\($0)") }, swiftSettings: settings),
        library("HalftoneServing", ["HalftoneRuntime"]),
        library("HalftoneEvaluation", ["HalftoneRuntime"]),
        library("HalftoneRuntime", ["HalftoneModels", "HalftoneQuantization"]),
        library(
            "HalftoneModels",
            [
                "HalftoneCheckpoints", "HalftoneFiles", "HalftoneNN", "HalftoneText",
                "HalftoneQuantization", "HalftoneRuns",
            ]),
        library("HalftoneCheckpoints", ["HalftoneFiles"]),
        library("HalftoneQuantization", ["HalftoneTensor"]),
        library("HalftoneAllocation", ["HalftoneTensor"]),
        library(
            "HalftoneTraining", ["HalftoneFiles", "HalftoneNN", "HalftoneRecipes", "HalftoneRuns"]),
        library("HalftoneNN", ["HalftoneTensor"]),
        library("HalftoneTensor", ["HalftoneKernels"]),
        .target(
            name: "HalftoneData",
            dependencies: [
                "HalftoneTensor", "HalftoneText", "HalftoneImages",
                .product(name: "SwiftCSV", package: "SwiftCSV"),
            ],
            resources: [.copy("Models")], swiftSettings: settings),
        library("HalftoneImages", ["CPNG", "CTurboJPEG"]),
        .systemLibrary(
            name: "CPNG", pkgConfig: "libpng",
            providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
        library("HalftoneText", ["HalftoneFiles"]),
        library("HalftoneFiles", ["HalftoneKernels", "HalftoneFormats", "HalftoneRuns"]),
        library(
            "HalftoneKernels",
            [
                "HalftoneFormats", "_HalftoneShims", "_HalftoneConvolution", "COpenBLAS", "CCbc",
                "CKissFFT",
            ]),
        library("HalftoneFormats"),
        library("HalftoneRecipes", ["HalftoneRuns", .product(name: "Yams", package: "Yams")]),
        library("HalftoneReport"),
        library("HalftoneRuns"),
        .target(name: "_HalftoneShims"),
        .target(
            name: "_HalftoneConvolution", dependencies: ["COneDNN"],
            linkerSettings: [.linkedLibrary("dnnl")]),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
        .systemLibrary(
            name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),
        .systemLibrary(
            name: "CKissFFT", providers: [.apt(["libkissfft-dev"]), .brew(["kissfft"])]),
        .systemLibrary(
            name: "CCbc", providers: [.apt(["coinor-libcbc-dev"]), .brew(["cbc"])]),
        .systemLibrary(
            name: "CLibCrypto", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),
        library("HalftoneTesting", ["HalftoneTensor"]),
        library("Halftone", ["HalftoneCompression"]),

        tests("HalftoneFormats"),
        tests("HalftoneKernels", ["KernelSweep"]),
        .target(
            name: "KernelSweep", dependencies: ["_HalftoneShims"], path: "Tests/KernelSweep",
            exclude: ["Tool"]),
        tests("HalftoneRuns"),
        tests("HalftoneReport"),
        tests("HalftoneRecipes", ["HalftoneRuns"]),
        tests("HalftoneFiles"),
        tests("HalftoneText"),
        tests("HalftoneCheckpoints"),
        tests("HalftoneTensor"),
        tests("HalftoneNN", ["HalftoneFiles", "HalftoneModels"]),
        tests("HalftoneTraining", ["HalftoneModels"]),
        tests("HalftoneData"),
        tests("HalftoneQuantization"),
        tests("HalftoneAllocation"),
        tests("HalftoneTransforms", ["HalftoneRuntime", "HalftoneFiles"]),
        tests("HalftoneModels"),
        tests("HalftoneRuntime", ["AllocationCounter"]),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        tests("HalftoneServing", ["HalftoneData"]),
        tests(
            "HalftoneServer",
            [
                "HalftoneCompression", "HalftoneData",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests("HalftoneEvaluation", ["HalftoneData"]),
        tests("HalftoneMethods", ["HalftoneAllocation", "HalftoneData", "HalftoneFiles"]),
        tests("HalftoneReproductions", ["HalftoneCompression"]),
        tests("HalftoneCompression", ["HalftoneData", "HalftoneMethods"]),
        tests(
            "HalftoneCommands", [.product(name: "ArgumentParser", package: "swift-argument-parser")]
        ),
    ],
    swiftLanguageModes: [.v6]
)
