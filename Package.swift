// swift-tools-version: 6.3
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Tests use Foundation's Process and files; they need no safety annotations.
let tests: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
  name: "savi-ckpt",
  products: [
    .library(name: "Checkpoints", targets: ["Checkpoints"]),
    .executable(name: "savi-ckpt", targets: ["savi-ckpt"]),
  ],
  traits: [
    .default(enabledTraits: ["HDF5"]),
    .trait(
      name: "HDF5",
      description: "Write HDF5 files, and describe those that are read: needs libhdf5's headers."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
    .target(name: "CHDF5", exclude: ["functions.def"]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CPlatform"),
    .target(
      name: "Bytes", dependencies: ["CDeflate", "CPlatform", "CZstd"], swiftSettings: strict),
    .target(name: "CheckpointCore", dependencies: ["Bytes"], swiftSettings: strict),
    .target(
      name: "CheckpointFormats",
      dependencies: [
        "Bytes", "CheckpointCore", "CZip",
        .target(name: "CHDF5", condition: .when(traits: ["HDF5"])),
      ],
      swiftSettings: strict),
    .target(
      name: "CheckpointMapping", dependencies: ["Bytes", "CheckpointCore"],
      resources: [
        .embedInCode("Models/savi-small.json"), .embedInCode("Models/savi-medium.json"),
        .embedInCode("Models/savi-large.json"), .embedInCode("Models/savi-plus-plus.json"),
        .embedInCode("Models/bert.json"), .embedInCode("Models/bert-classifier.json"),
        .embedInCode("Models/gpt2.json"), .embedInCode("Models/llama.json"),
        .embedInCode("Models/resnet.json"), .embedInCode("Models/vit.json"),
        .embedInCode("layouts.json"), .embedInCode("layers.json"),
      ],
      swiftSettings: strict),
    .target(
      name: "CheckpointInspection",
      dependencies: ["Bytes", "CheckpointCore", "COpenSSL"],
      resources: [
        .embedInCode("Report/Page/report.html"), .embedInCode("Report/Page/report.css"),
        .embedInCode("Report/Page/charts.js"), .embedInCode("Report/Page/tree.js"),
        .embedInCode("Report/Page/page.js"),
      ],
      swiftSettings: strict),
    .target(
      name: "CheckpointConversion",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointMapping",
        "CheckpointInspection",
      ],
      swiftSettings: strict),
    .target(
      name: "CheckpointParts",
      dependencies: ["Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointInspection"],
      swiftSettings: strict),
    .target(
      name: "CheckpointFleet",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointInspection", "CheckpointParts",
      ],
      swiftSettings: strict),
    .target(
      name: "CheckpointValidation",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointMapping", "CheckpointInspection",
        "CYAML",
      ],
      resources: [
        .embedInCode("Schemas/savi-small.checkpoint.json"),
        .embedInCode("Schemas/savi-small-flax.checkpoint.json"),
        .embedInCode("Schemas/savi-medium.checkpoint.json"),
        .embedInCode("Schemas/savi-medium-flax.checkpoint.json"),
        .embedInCode("Schemas/savi-large.checkpoint.json"),
        .embedInCode("Schemas/savi-large-flax.checkpoint.json"),
        .embedInCode("Schemas/savi-plus-plus.checkpoint.json"),
        .embedInCode("Schemas/savi-plus-plus-flax.checkpoint.json"),
      ],
      swiftSettings: strict),
    .target(
      name: "Checkpoints",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointInspection",
        "CheckpointMapping", "CheckpointConversion", "CheckpointValidation", "ModelVerification",
      ],
      swiftSettings: strict),
    .target(
      name: "ReferenceLayers", dependencies: ["Bytes", "CheckpointCore"], swiftSettings: strict),
    .target(
      name: "ModelVerification",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointInspection",
        "CheckpointMapping", "ReferenceLayers",
      ],
      swiftSettings: strict),
    .target(
      name: "SAVIModel",
      dependencies: ["Bytes", "CheckpointCore", "CheckpointMapping", "ReferenceLayers"],
      swiftSettings: strict),
    .executableTarget(
      name: "savi-ckpt",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointMapping",
        "CheckpointInspection", "CheckpointConversion", "CheckpointParts", "CheckpointFleet",
        "CheckpointValidation",
        "SAVIModel",
        "ModelVerification", "ReferenceLayers",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "ForwardPassBenchmark",
      dependencies: [
        "CheckpointFormats", "CheckpointMapping", "ReferenceLayers", "SAVIModel",
      ],
      path: "Benchmarks/ForwardPass", swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["CheckpointCore"], path: "Tests/TestSupport",
      swiftSettings: tests),
    .target(
      name: "DamageCorpus", dependencies: ["CheckpointCore", "TestSupport"], path: "Tests/Corpus",
      exclude: ["dimensions.yaml"], swiftSettings: tests),
    .executableTarget(
      name: "MakeCorpus", dependencies: ["DamageCorpus"], path: "Tests/MakeCorpus",
      swiftSettings: tests),
    .testTarget(name: "BytesTests", dependencies: ["Bytes", "TestSupport"], swiftSettings: tests),
    .testTarget(
      name: "CheckpointCoreTests", dependencies: ["CheckpointCore", "TestSupport"],
      swiftSettings: tests),
    .testTarget(
      name: "CheckpointFormatsTests",
      dependencies: ["Bytes", "CheckpointCore", "CheckpointFormats", "TestSupport"],
      swiftSettings: tests),
    .testTarget(
      name: "CheckpointMappingTests",
      dependencies: ["CheckpointCore", "CheckpointFormats", "CheckpointMapping", "TestSupport"],
      swiftSettings: tests),
    .testTarget(
      name: "CheckpointInspectionTests",
      dependencies: ["CheckpointCore", "CheckpointFormats", "CheckpointInspection", "TestSupport"],
      swiftSettings: tests),
    .testTarget(
      name: "CheckpointConversionTests",
      dependencies: [
        "CheckpointCore", "CheckpointFormats", "CheckpointMapping", "CheckpointConversion",
        "TestSupport",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "ReferenceLayersTests", dependencies: ["ReferenceLayers"], swiftSettings: tests),
    .testTarget(
      name: "ModelVerificationTests",
      dependencies: ["CheckpointCore", "ModelVerification", "ReferenceLayers"],
      swiftSettings: tests),
    .testTarget(
      name: "SAVIModelTests",
      dependencies: [
        "Bytes", "CheckpointCore", "CheckpointFormats", "CheckpointMapping", "ReferenceLayers",
        "SAVIModel", "TestSupport",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "CheckpointFleetTests", dependencies: ["CheckpointFleet"], swiftSettings: tests),
    .testTarget(
      name: "CheckpointValidationTests", dependencies: ["CheckpointCore", "CheckpointValidation"],
      swiftSettings: tests),
    .testTarget(
      name: "CLITests",
      dependencies: [
        "CheckpointCore", "CheckpointParts", "CheckpointValidation", "DamageCorpus", "TestSupport",
        "savi-ckpt",
      ],
      swiftSettings: tests),
  ]
)

// Only libFuzzer has a main for it, so that no other build can have it.
if Context.environment["SAVI_CKPT_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["Checkpoints", "CheckpointFleet", "CheckpointParts"],
      path: "Fuzz/Sources/fuzz", swiftSettings: tests))
}
