// swift-tools-version: 6.1

import PackageDescription

// A target is a room with one purpose. Imports point downwards only: the sections below are the storeys, top first.

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let executables: [Target] = [
    .executableTarget(
        name: "cxrgate",
        dependencies: [
            "Audit", "ChestReading", "Cryptography", "DICOM", "DICOMNetwork", "Evaluation", "Findings", "Gateway",
            "Radiography", "Results", "VisionLanguage", "Worklist", argumentParser, grdb, logging,
            .product(name: "Metrics", package: "swift-metrics"),
        ])
]

let benchmarks: [Target] = [
    .executableTarget(
        name: "AuditBenchmark", dependencies: ["Audit", "Cryptography", argumentParser, grdb], path: "Benchmarks/Audit"),
    .executableTarget(
        name: "EvaluationBenchmark", dependencies: ["Evaluation"], path: "Benchmarks/Evaluation", exclude: ["peer.py"]),
    .executableTarget(
        name: "KernelsBenchmark", dependencies: ["Tensors"], path: "Benchmarks/Kernels", exclude: ["README.md"]),
    .executableTarget(
        name: "RadiographyBenchmark", dependencies: ["DICOM", "Radiography", argumentParser],
        path: "Benchmarks/Radiography", exclude: ["README.md", "scripts"]),
    .executableTarget(
        name: "ResultsBenchmark", dependencies: ["Results", "TestSupport"], path: "Benchmarks/Results"),
    .executableTarget(name: "WorklistBenchmark", dependencies: ["Worklist", grdb], path: "Benchmarks/Worklist"),
]

let service: [Target] = [
    .target(
        name: "Gateway",
        dependencies: [
            "Audit", "ChestReading", "Cryptography", "DICOM", "DICOMNetwork", "Findings", "Radiography", "Results",
            "Worklist", logging,
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            .product(name: "Yams", package: "Yams"),
        ])
]

let capabilities: [Target] = [
    .target(
        name: "Audit",
        dependencies: [
            "COpenSSL", "Cryptography", grdb, logging, .product(name: "GRDBSQLite", package: "GRDB.swift"),
        ]),
    .target(
        name: "ChestReading", dependencies: ["DICOM", "Evaluation", "Findings", "Radiography", "VisionLanguage"],
        exclude: ["README.md"], resources: [.copy("Resources")]),
    .target(name: "DICOMNetwork", dependencies: ["DICOM", "CDCMTK", logging]),
    .target(
        name: "Evaluation", dependencies: ["DICOM", "Findings"], exclude: ["README.md"],
        resources: [.copy("Resources")]),
    .target(name: "Radiography", dependencies: ["DICOM", "CAssertionGuard", "CDCMTK", "COpenJPEG", "CPNG"]),
    .target(name: "Results", dependencies: ["Findings", "DICOM", "Radiography", "CFreeType"]),
    .target(name: "VisionLanguage", dependencies: ["Tensors", "Cryptography"], exclude: ["README.md"]),
    .target(name: "Worklist", dependencies: [grdb], exclude: ["README.md"]),
]

let foundations: [Target] = [
    .target(name: "Findings", exclude: ["README.md"], resources: [.copy("Resources")]),
    .target(name: "DICOM", dependencies: ["CDCMTK", "Cryptography"]),
    .target(name: "Tensors", dependencies: ["CKernels"], exclude: ["README.md"]),
    .target(name: "Cryptography", dependencies: ["COpenSSL"]),
]

let native: [Target] = [
    .target(
        name: "CDCMTK",
        cxxSettings: [.define("HAVE_CONFIG_H")],
        linkerSettings: [
            // Debian ships no usable pkg-config file for DCMTK; the order is the link order.
            "dcmsr", "dcmjpeg", "ijg8", "ijg12", "ijg16", "dcmjpls", "dcmtkcharls", "dcmtls", "dcmnet", "dcmimage",
            "dcmimgle", "dcmdata", "oflog", "ofstd", "ssl", "crypto", "z",
        ].map { .linkedLibrary($0) }),
    // At -O0 the kernels would make every debug build and test run a hundred times slower; a root package may say so.
    .target(
        name: "CKernels", cSettings: [.unsafeFlags(["-O3"])],
        linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CAssertionGuard", dependencies: ["COpenJPEG"]),
    .systemLibrary(name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CFreeType", pkgConfig: "freetype2", providers: [.apt(["libfreetype-dev"])]),
]

let tests: [Target] = [
    .target(name: "TestSupport", dependencies: ["DICOM", "Findings"], path: "Tests/TestSupport"),
    .executableTarget(name: "AuditAppender", dependencies: ["Audit", grdb], path: "Tests/AuditAppender"),
    .executableTarget(
        name: "ConformanceSamples", dependencies: ["Results", "TestSupport"], path: "Conformance/Samples"),
    .testTarget(
        name: "AuditTests", dependencies: ["Audit", "AuditAppender", "TestSupport", "cxrgate", grdb, logging],
        resources: [.copy("Schema")]),
    .testTarget(
        name: "ChestReadingTests", dependencies: ["ChestReading", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(
        name: "CommandTests",
        dependencies: [
            "Audit", "ChestReading", "DICOM", "Findings", "Radiography", "Results", "TestSupport", "cxrgate",
        ]),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "TestSupport"]),
    .testTarget(name: "DICOMNetworkTests", dependencies: ["DICOMNetwork", "TestSupport"]),
    .testTarget(name: "DICOMTests", dependencies: ["DICOM", "TestSupport"]),
    .testTarget(
        name: "EvaluationTests", dependencies: ["DICOM", "Evaluation", "TestSupport", "cxrgate"],
        resources: [.copy("Fixtures")]),
    .testTarget(name: "FindingsTests", dependencies: ["Findings"]),
    .testTarget(
        name: "GatewayTests",
        dependencies: [
            "DICOMNetwork", "Gateway", "Results", "TestSupport", "Worklist", "cxrgate", logging,
            .product(name: "Metrics", package: "swift-metrics"),
        ],
        exclude: ["Peers"]),
    .testTarget(
        name: "RadiographyTests", dependencies: ["Radiography", "TestSupport", "cxrgate"],
        exclude: ["Support/Python", "Fuzz"]),
    .testTarget(name: "ResultsTests", dependencies: ["Results", "TestSupport", "ConformanceSamples", "cxrgate"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], exclude: ["Sanitize"]),
    .testTarget(
        name: "VisionLanguageTests", dependencies: ["VisionLanguage", "TestSupport", "cxrgate"],
        exclude: ["Fixtures"]),
    .testTarget(name: "WorklistTests", dependencies: ["Worklist", "TestSupport", "cxrgate"]),
]

let package = Package(
    name: "CXRGateway",
    products: [.executable(name: "cxrgate", targets: ["cxrgate"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: executables + benchmarks + service + capabilities + foundations + native + tests,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17,
    cxxLanguageStandard: .cxx17
)
