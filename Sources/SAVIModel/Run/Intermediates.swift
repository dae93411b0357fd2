import ReferenceLayers

/// The stages of one frame, or one clip, of those that are wanted.
struct Intermediates<Scalar: ModelScalar>: Sendable {
  private let wanted: Set<StageName>
  private(set) var kept: [StageName: Tensor<Scalar>] = [:]

  init(wanted: Set<StageName>) { self.wanted = wanted }

  func wants(_ name: StageName) -> Bool { wanted.contains(name) }

  mutating func keep(_ name: StageName, _ tensor: @autoclosure () -> Tensor<Scalar>) {
    if wants(name) { kept[name] = tensor() }
  }
}
