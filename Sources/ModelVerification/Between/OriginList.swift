import CheckpointCore
import ReferenceLayers

/// The latest tensors that both runs have, kept by name and read when they are needed.
struct OriginList {
  private struct Entry {
    let tensor: ComparedTensor
    let title: String
    let isEmbedding: Bool
  }

  private var pinned: [Entry] = []
  private var recent: [Entry] = []

  /// Residuals reach over a block; skips of a U-Net further, over the inputs of its blocks.
  private static let reach = 40

  /// The models' own inputs, which anything may be made from.
  mutating func pin(_ tensors: [ComparedTensor], title: (RecordedTensor) -> String) {
    pinned += tensors.map { Entry(tensor: $0, title: title($0.source), isEmbedding: false) }
  }

  mutating func add(
    _ tensors: [ComparedTensor], isEmbedding: Bool = false, title: (RecordedTensor) -> String
  ) {
    for tensor in tensors where tensor.alignment != nil && !contains(tensor) {
      recent.append(
        Entry(tensor: tensor, title: title(tensor.source), isEmbedding: isEmbedding))
    }
    recent.removeFirst(max(0, recent.count - Self.reach))
  }

  /// Whether both sides' tensors are a pair that came before, and so no function's work.
  func contains(_ tensor: ComparedTensor) -> Bool {
    (pinned + recent).contains {
      $0.tensor.source.tensor.name == tensor.source.tensor.name
        && $0.tensor.converted.tensor.name == tensor.converted.tensor.name
    }
  }

  func loaded(_ recordings: (source: Recording, converted: Recording)) throws -> [Origin] {
    try (pinned + recent).filter { $0.tensor.alignment != nil }.map {
      try Origin($0.tensor, recordings, title: $0.title, isEmbedding: $0.isEmbedding)
    }
  }
}

extension Origin {
  init(
    _ tensor: ComparedTensor, _ recordings: (source: Recording, converted: Recording),
    title: String, isEmbedding: Bool
  ) throws {
    let source = try recordings.source.floats(tensor.source)
    let converted = try recordings.converted.floats(tensor.converted)
    self.init(
      title: title, source: source, converted: tensor.alignment?(converted) ?? converted,
      isEmbedding: isEmbedding)
  }
}
