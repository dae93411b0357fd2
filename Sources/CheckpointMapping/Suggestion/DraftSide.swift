import CheckpointCore

/// One of the two files of a suggestion: its tensors, by the components of their names.
struct DraftSide: Sendable {
  let tensors: [TensorInfo]
  /// Per tensor, the components of its name.
  let paths: [[String]]
  /// By the components, joined.
  private let byPath: [String: Int]
  /// By the last component.
  private let byLeaf: [String: [Int]]

  init(_ tensors: [TensorInfo]) {
    self.tensors = tensors
    paths = tensors.map { NameParts.split($0.name) }
    byPath = Dictionary(
      paths.enumerated().map { (Self.join($1), $0) }, uniquingKeysWith: { first, _ in first })
    byLeaf = Dictionary(grouping: paths.indices) { [paths] in paths[$0].last ?? "" }
  }

  private static func join(_ path: some Sequence<String>) -> String {
    path.joined(separator: "/")
  }

  /// The tensor at `leaf` below a module.
  func index(_ module: ArraySlice<String>, _ leaf: [String]) -> Int? {
    byPath[Self.join(Array(module) + leaf)]
  }

  /// The modules that have a tensor at `leaf`.
  func modules(with leaf: [String]) -> [ArraySlice<String>] {
    (byLeaf[leaf.last ?? ""] ?? []).compactMap { index in
      paths[index].suffix(leaf.count) == leaf[...] ? paths[index].dropLast(leaf.count) : nil
    }
  }

  /// What framework wrote the names, as far as they tell.
  var world: String? {
    let leaves = Set(byLeaf.keys)
    if !leaves.isDisjoint(with: ["gamma", "moving_mean", "embeddings", "recurrent_kernel"])
      || paths.contains(where: { $0.dropLast().last == "vars" })
    {
      return "keras"
    }
    if !leaves.isDisjoint(with: ["kernel", "scale", "embedding"]) { return "flax" }
    if !leaves.isDisjoint(with: ["weight", "running_mean", "in_proj_weight", "weight_ih_l0"]) {
      return "torch"
    }
    return nil
  }

  /// The parts of modules' paths, their numbers ranked among the given modules.
  static func parts(_ modules: [ArraySlice<String>]) -> [NameParts] {
    // Siblings are components with the same words below the same path.
    struct Place: Hashable {
      let above: [String]
      let words: [String]
    }
    var numbers: [Place: Set<Int>] = [:]
    let split = modules.map { module in module.map(NameParts.words) }
    for (module, components) in zip(modules, split) {
      for (depth, component) in components.enumerated() {
        guard let number = component.number else { continue }
        numbers[
          Place(above: Array(module.prefix(depth)), words: component.words), default: []
        ].insert(number)
      }
    }
    let ranks = numbers.mapValues { set in
      Dictionary(uniqueKeysWithValues: set.sorted().enumerated().map { ($1, $0) })
    }
    return zip(modules, split).map { module, components in
      NameParts(
        components: components.enumerated().map { depth, component in
          let place = Place(above: Array(module.prefix(depth)), words: component.words)
          return NameParts.Component(
            words: component.words, rank: component.number.flatMap { ranks[place]?[$0] })
        })
    }
  }
}

extension [TensorInfo] {
  /// Where each name stands in the list.
  var placesByName: [TensorName: Int] {
    Dictionary(enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}
