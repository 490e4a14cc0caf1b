// swift-tools-version: 6.1

import PackageDescription

// A target is a room with one purpose. Imports point downwards only: the sections below are the storeys, top first.

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let executables: [Target] = [
    .executableTarget(
        name: "cxrgate",
        dependencies: [
            "Gateway", "VisionLanguage",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ])
]

let service: [Target] = [
    .target(
        name: "Gateway",
        dependencies: [
            "Audit", "DICOMNetwork", "Worklist", logging,
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "Yams", package: "Yams"),
        ])
]

let capabilities: [Target] = [
    .target(name: "Audit", dependencies: ["Cryptography", grdb], resources: [.copy("Resources")]),
    .target(name: "DICOMNetwork", dependencies: ["DICOM", "CDCMTK", logging]),
    .target(name: "Evaluation", dependencies: ["Findings"], resources: [.copy("Resources")]),
    .target(name: "Radiography", dependencies: ["DICOM", "CDCMTK", "COpenJPEG"]),
    .target(name: "Results", dependencies: ["Findings", "DICOM", "Radiography", "CFreeType"]),
    .target(name: "VisionLanguage", dependencies: ["Tensors", "Cryptography"], exclude: ["README.md"]),
    .target(name: "Worklist", dependencies: [grdb]),
]

let foundations: [Target] = [
    .target(name: "Findings", resources: [.copy("Resources")]),
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
    // The kernels at -O0 would make every debug build and test run a hundred times slower; unsafe flags are allowed in a root package.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .systemLibrary(name: "COpenJPEG", pkgConfig: "libopenjp2", providers: [.apt(["libopenjp2-7-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CFreeType", pkgConfig: "freetype2", providers: [.apt(["libfreetype-dev"])]),
]

let benchmarks: [Target] = [
    .executableTarget(name: "KernelsBenchmark", dependencies: ["Tensors"], path: "Benchmarks/Kernels", exclude: ["README.md"])
]

let tests: [Target] = [
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(name: "AuditTests", dependencies: ["Audit", "TestSupport"]),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "TestSupport"]),
    .testTarget(name: "DICOMNetworkTests", dependencies: ["DICOMNetwork", "TestSupport"]),
    .testTarget(name: "DICOMTests", dependencies: ["DICOM", "TestSupport"]),
    .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(name: "FindingsTests", dependencies: ["Findings"]),
    .testTarget(name: "GatewayTests", dependencies: ["Gateway", "TestSupport"]),
    .testTarget(name: "RadiographyTests", dependencies: ["Radiography", "TestSupport"]),
    .testTarget(name: "ResultsTests", dependencies: ["Results", "TestSupport"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], exclude: ["Sanitize"]),
    .testTarget(
        name: "VisionLanguageTests", dependencies: ["VisionLanguage", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(name: "WorklistTests", dependencies: ["Worklist", "TestSupport"]),
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
    targets: executables + service + capabilities + foundations + native + benchmarks + tests,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17,
    cxxLanguageStandard: .cxx17
)
