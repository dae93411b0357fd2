import ReferenceLayers

/// The stages of a run, put together from the tensors of its frames.
struct Stages<Scalar: ModelScalar> {
  private let clip: Clip
  private let wanted: Set<StageName>
  private(set) var list: [Stage] = []

  init(clip: Clip, wanted: Set<StageName>) {
    self.clip = clip
    self.wanted = wanted
  }

  /// - Parameters:
  ///   - tensors: one per frame, clip after clip; or one per clip.
  ///   - shape: the extents of one of them, from its own.
  mutating func add(
    _ name: StageName, _ tensors: [Tensor<Scalar>], perFrame: Bool = true,
    shape: ([Int]) -> [Int] = { $0 }
  ) {
    guard wanted.contains(name), let first = tensors.first else { return }
    let leading = perFrame ? [clip.batch, clip.frames] : [clip.batch]
    list.append(
      Stage(
        name: name, shape: leading + shape(first.shape),
        elements: .init(tensors.flatMap(\.values))))
  }

  /// - Parameter frames: of one frame each, clip after clip.
  mutating func add(_ frames: [Intermediates<Scalar>]) {
    for name in (frames.first?.kept ?? [:]).keys.sorted() {
      add(name, frames.compactMap { $0.kept[name] })
    }
  }

  mutating func add(_ name: StageName, frameShape: [Int], _ elements: Stage.Elements) {
    guard wanted.contains(name) else { return }
    list.append(
      Stage(name: name, shape: [clip.batch, clip.frames] + frameShape, elements: elements))
  }
}
