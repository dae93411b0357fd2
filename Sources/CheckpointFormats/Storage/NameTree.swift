import CheckpointCore

/// Flat names as the nested groups that formats with hierarchy make of them, in the order in which
/// they first occur.
struct NameTree {
  indirect enum Node {
    /// The index of a name.
    case leaf(Int)
    case branch([(name: TensorName, node: Node)])
  }

  let root: Node

  /// - Throws: `CheckpointError` where one name is another's group.
  init(_ names: [TensorName], separator: Unicode.Scalar) throws {
    if names == [""] {
      root = .leaf(0)
      return
    }
    let builder = Builder()
    for (index, name) in names.enumerated() {
      var group = builder
      let parts = name.parts(separator: separator)
      guard !parts.contains("") else {
        throw CheckpointError(
          entry: name, "a name with an empty part between slashes cannot be a nested group",
          advice: "choose another format with --to")
      }
      guard parts.count <= StructureLimits.depth else {
        throw CheckpointError(
          entry: name,
          "a name of \(parts.count) parts would nest deeper than the \(StructureLimits.depth) "
            + "levels that are read",
          advice: "choose a format without groups with --to")
      }
      for part in parts.dropLast() {
        guard let next = group.group(part) else { throw Self.conflict(name, part) }
        group = next
      }
      guard group.insert(parts[parts.count - 1], index) else {
        throw Self.conflict(name, parts[parts.count - 1])
      }
    }
    root = builder.node()
  }

  private static func conflict(_ name: TensorName, _ part: TensorName) -> CheckpointError {
    CheckpointError(
      entry: name, "'\(part)' would be both a tensor and a group of tensors",
      advice: "choose a format without groups with --to")
  }

  /// A group that is still being filled.
  private final class Builder {
    private enum Item {
      case leaf(Int)
      case group(Builder)
    }
    private var order: [TensorName] = []
    private var items: [TensorName: Item] = [:]

    func group(_ name: TensorName) -> Builder? {
      switch items[name] {
      case .group(let group): return group
      case .leaf: return nil
      case nil:
        let group = Builder()
        items[name] = .group(group)
        order.append(name)
        return group
      }
    }

    func insert(_ name: TensorName, _ index: Int) -> Bool {
      guard items[name] == nil else { return false }
      items[name] = .leaf(index)
      order.append(name)
      return true
    }

    func node() -> Node {
      .branch(
        order.compactMap { name in
          switch items[name] {
          case .leaf(let index): (name, .leaf(index))
          case .group(let group): (name, group.node())
          case nil: nil
          }
        })
    }
  }
}
