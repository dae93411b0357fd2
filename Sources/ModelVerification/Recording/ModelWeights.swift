import CheckpointCore
package import CheckpointFormats
import ReferenceLayers

/// The parameters of a checkpoint, found by the paths of the modules that own them.
package struct ModelWeights: Sendable {
  private let checkpoint: Checkpoint
  private let tensors: [String: TensorInfo]
  private let paths: PathJoin

  /// Collections of a Flax model's variables, which are no part of a module's path.
  private static let collections: Set = ["params", "batch_stats", "model_state", "state_dict"]

  package init(_ checkpoint: Checkpoint, calls: [RecordedCall]) {
    self.checkpoint = checkpoint
    var tensors: [String: TensorInfo] = [:]
    for tensor in checkpoint.tensors { tensors[Self.key(tensor.name)] = tensor }
    self.tensors = tensors
    paths = PathJoin(owners: Set(tensors.keys.map(Self.owner)), calls: calls)
  }

  var entries: [CheckpointEntry] { checkpoint.entries }

  /// A tensor's name with the same separators everywhere, without its collection.
  static func key(_ name: TensorName) -> String {
    var parts = name.text.replacing("/", with: ".").split(separator: ".")[...]
    while parts.count > 1, let first = parts.first, collections.contains(String(first)) {
      parts = parts.dropFirst()
    }
    // An nnx state has the value of a variable below its name.
    if parts.count > 1, parts.last == "value" { parts = parts.dropLast() }
    return parts.joined(separator: ".")
  }

  private static func owner(_ key: String) -> String {
    key.split(separator: ".").dropLast().joined(separator: ".")
  }

  /// A reader of the tensors of a call's module, by their names in it.
  func reader(for call: RecordedCall) -> (String) -> Tensor<Double>? {
    reader(below: paths.owner(call.path))
  }

  /// A reader of the tensors below a path of the checkpoint.
  func reader(below owner: String) -> (String) -> Tensor<Double>? {
    { name in
      let part = name.replacing("/", with: ".")
      let key = owner.isEmpty ? part : "\(owner).\(part)"
      guard let tensor = tensors[key],
        let values = try? collectDoubles(
          tensor.dtype, count: tensor.shape.count,
          { try checkpoint.stream(tensor, $0) })
      else { return nil }
      return Tensor(tensor.shape.dimensions, values)
    }
  }
}

/// Joins the paths of calls with those of a checkpoint, where one has a prefix that the other lacks:
/// a model saved inside a wrapper, a module recorded on its own.
struct PathJoin: Sendable {
  private let added: String
  private let dropped: String

  init(owners: Set<String>, calls: [RecordedCall]) {
    let paths = Set(calls.filter { !$0.facts.parameters.isEmpty }.map { Self.key($0.path) })
    let heads = Set(
      owners.flatMap { owner -> [String] in
        let parts = owner.split(separator: ".")
        return (1...3).filter { $0 <= parts.count }.map {
          parts.prefix($0).joined(separator: ".") + "."
        }
      })
    let starts = Set(paths.compactMap { $0.split(separator: ".").first.map { String($0) + "." } })
    var best = (added: "", dropped: "", hits: -1)
    for (add, drop) in [("", "")] + heads.sorted().map({ ($0, "") })
      + starts.sorted().map({ ("", $0) })
    {
      let hits = paths.count { owners.contains(Self.join($0, add, drop)) }
      if hits > best.hits { best = (add, drop, hits) }
    }
    (added, dropped) = (best.added, best.dropped)
  }

  static func key(_ path: String) -> String { path.replacing("/", with: ".") }

  private static func join(_ path: String, _ added: String, _ dropped: String) -> String {
    if dropped.isEmpty { return path.isEmpty ? String(added.dropLast()) : added + path }
    return path.hasPrefix(dropped) ? String(path.dropFirst(dropped.count)) : path
  }

  /// The checkpoint's path of a call's module.
  func owner(_ path: String) -> String { Self.join(Self.key(path), added, dropped) }
}
