import CheckpointCore

/// What processes wrote each for itself, without telling the others (`use_collectives=False`):
/// `__RANK.metadata` describes the parts and the objects that are in `__RANK_N.distcp`.
/// Source: torch/distributed/checkpoint/filesystem.py.
extension DCPMetadata {
  /// The processes that left metadata of their own among the files `names`, in their order.
  ///
  /// - Throws: `CheckpointError` where a process left data alone.
  static func ranks(among names: [String]) throws -> [(rank: Int, file: String)] {
    let files = names.compactMap { name in
      name.wholeMatch(of: /__([0-9]+)\.metadata/).flatMap { Int($0.1) }.map {
        (rank: $0, file: name)
      }
    }.sorted { $0.rank < $1.rank }
    guard !files.isEmpty else { return [] }
    let known = Set(files.map(\.rank))
    for name in names {
      guard let match = name.wholeMatch(of: /__([0-9]+)_.*\.distcp/), let rank = Int(match.1),
        !known.contains(rank)
      else { continue }
      throw CheckpointError(
        "\(name) is here, but not __\(rank).metadata, which says what is in it",
        advice: "fetch what is missing into this folder")
    }
    return files
  }

  /// The whole that the processes have parts of.
  ///
  /// A part that several have, as they have replicated tensors, is taken from the first, as it is where
  /// they tell each other. An object of each stays one: the second is `NAME (rank 1)`.
  ///
  /// - Throws: `CheckpointError` where they differ about a tensor.
  init(joining parts: [(rank: Int, metadata: DCPMetadata)]) throws {
    var items: [(name: TensorName, item: Item)] = []
    var places: [TensorName: Int] = [:]
    var known: Set<Index> = []
    for (rank, metadata) in parts {
      for (name, item) in metadata.items {
        guard let place = places[name] else {
          places[name] = items.count
          items.append((name, item))
          if case .tensor(let tensor) = item {
            known.formUnion(tensor.chunks.map { Index(name: name, origin: $0.origin) })
          }
          continue
        }
        guard case .tensor(var whole) = items[place].item, case .tensor(let tensor) = item else {
          items.append(("\(name) (rank \(rank))", item))
          continue
        }
        guard whole.shape == tensor.shape, whole.typeName == tensor.typeName else {
          throw CheckpointError(
            entry: name, "processes differ about its shape or dtype",
            advice: "the folder holds parts of two checkpoints; save it again")
        }
        whole.chunks += tensor.chunks.filter {
          known.insert(Index(name: name, origin: $0.origin)).inserted
        }
        items[place].item = .tensor(whole)
      }
    }
    self.items = items
    storages = parts.flatMap(\.metadata.storages)
  }
}
