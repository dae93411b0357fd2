import CheckpointCore

/// Rows of a table, by their numbers: an index beyond the table has none.
struct EmbeddingDefinition: LayerDefinition {
  let id = "embedding"
  let title = "embedding"
  func keepsFeaturesLast(_ facts: LayerFacts) -> Bool { true }

  func describes(_ facts: LayerFacts) -> Bool {
    facts.isNamed(["Embedding", "Embed"])
      && (facts.parameters["weight"] ?? facts.parameters["embedding"]
        ?? facts.parameters["embeddings"])?.count == 2
  }

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    (read("weight") ?? read("embedding") ?? read("embeddings")).map { [.table: $0] }
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    [.scale: .number(1)]
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let indices = inputs.first, let table = operands[.table], table.shape.count == 2,
      let scale = settings.number(.scale)
    else { return nil }
    var values: [Double] = []
    for index in indices.values {
      guard index >= 0, index < Double(table.shape[0]) else { return nil }
      let row = Int(index) * table.width
      values += table.values[row..<row + table.width].map { $0 * scale }
    }
    return Tensor(indices.shape + [table.width], values)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    let width = Double(operands[.table]?.width ?? 1)
    return [.scale: [.number(width.squareRoot()), .number(1 / width.squareRoot())]]
  }
}
