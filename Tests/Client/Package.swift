// swift-tools-version: 6.3
import PackageDescription

// A package outside of this repository, as a client's is: scripts/client.sh copies it elsewhere and
// names the clone that it is to be built against.
let repository =
  Context.environment["SAVI_CKPT"] ?? "https://github.com/savi-ckpt/savi-ckpt.git"
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
  name: "Client",
  dependencies: [
    // Without the trait HDF5, which the package has by default, it builds where libhdf5 is not.
    .package(url: repository, branch: "main", traits: [])
  ],
  targets: [
    .executableTarget(
      name: "Example", dependencies: [.product(name: "Checkpoints", package: "savi-ckpt")],
      swiftSettings: settings),
    .executableTarget(
      name: "Check", dependencies: [.product(name: "Checkpoints", package: "savi-ckpt")],
      swiftSettings: settings),
  ]
)
