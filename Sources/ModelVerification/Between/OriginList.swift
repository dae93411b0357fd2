import CheckpointCore
import ReferenceLayers

/// The latest tensors that both runs have, kept by name and read when they are needed.
struct OriginList {
  private struct Entry {
    let tensor: ComparedTensor
    let origin: Origin
  }

  private let values: RecordedValues
  private var pinned: [Entry] = []
  private var recent: [Entry] = []

  /// Residuals reach over a block; skips of a U-Net further, over the inputs of its blocks.
  private static let reach = 40

  init(_ values: RecordedValues) { self.values = values }

  /// The models' own inputs, which anything may be made from.
  mutating func pin(_ tensors: [ComparedTensor], title: (RecordedTensor) -> String) {
    pinned += tensors.filter { $0.alignment != nil }.map {
      Entry(tensor: $0, origin: Origin($0, values, title: title($0.source), .activation))
    }
  }

  mutating func add(
    _ tensors: [ComparedTensor], _ kind: Origin.Kind = .activation,
    title: (RecordedTensor) -> String
  ) {
    for tensor in tensors where tensor.alignment != nil && !contains(tensor) {
      recent.append(
        Entry(tensor: tensor, origin: Origin(tensor, values, title: title(tensor.source), kind)))
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

  /// Whether an origin is a pair of tensors, or a part of it.
  func isOrigin(_ origin: Origin, of tensor: ComparedTensor) -> Bool {
    (pinned + recent).contains {
      $0.tensor.source.tensor.name == tensor.source.tensor.name
        && $0.tensor.converted.tensor.name == tensor.converted.tensor.name
        && $0.origin.title == origin.title
    }
  }

  var origins: [Origin] { (pinned + recent).map(\.origin) }
}

extension Origin {
  convenience init(
    _ tensor: ComparedTensor, _ values: RecordedValues, title: String, _ kind: Kind
  ) {
    let alignment = tensor.alignment
    self.init(
      title, tensor.source.tensor.shape.dimensions, kind,
      samples: [.source: tensor.samples.source, .converted: tensor.samples.converted]
    ) { side in
      switch side {
      case .source: values.floatsIfReadable(tensor.source, .source)
      case .converted:
        values.floatsIfReadable(tensor.converted, .converted).map { alignment?($0) ?? $0 }
      }
    }
  }
}
