// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "savi-ckpt", path: "..")],
  targets: [
    .executableTarget(
      name: "fuzz", dependencies: [.product(name: "Checkpoints", package: "savi-ckpt")],
      swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)])
  ]
)
