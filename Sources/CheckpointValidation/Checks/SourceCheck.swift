import CheckpointCore
import CheckpointMapping

/// Compares tensors with what a source makes of them, and names rearrangements: what neither shapes
/// nor bounds can tell. Other differences are no findings: weights may have been trained on.
struct SourceCheck {
  private let schema: CheckpointSchema
  private let tensors: [TensorInfo]
  private let source: [String: OutputTensor]
  private let stream: (TensorInfo, (Span<UInt8>) throws -> Void) throws -> Void

  init(
    _ schema: CheckpointSchema, _ tensors: [TensorInfo], _ source: [String: OutputTensor],
    stream: @escaping (TensorInfo, (Span<UInt8>) throws -> Void) throws -> Void
  ) {
    self.schema = schema
    self.tensors = tensors
    self.source = source
    self.stream = stream
  }

  func findings() throws -> [Finding] {
    let roles = try Dictionary(
      (schema.model.map { try CompiledMapping($0).tensors } ?? []).map { ($0.target, $0) },
      uniquingKeysWith: { first, _ in first })
    return try tensors.compactMap { tensor in
      guard let right = source[tensor.name], right.aliasOf == nil, right.shape == tensor.shape,
        !tensor.dtype.isComplex, !right.dtype.isComplex
      else { return nil }
      let expected = try collectDoubles(right.dtype, count: right.shape.count, right.produce)
      let found = try collectDoubles(tensor.dtype, count: tensor.shape.count) {
        try stream(tensor, $0)
      }
      guard found != expected else { return nil }
      let rule = roles[tensor.name]
      let diagnosis = LayoutDiagnosis(
        shape: tensor.shape, role: schema.layout == .torch ? rule?.role : nil, heads: rule?.heads)
      if let phrase = diagnosis.rearrangement(found: found, expected: expected) {
        return Finding(
          .looksTransposed, tensor: tensor.name, expected: "the source's elements in their places",
          found: "them in others", hint: "it \(phrase)")
      }
      guard let other = try owner(of: found, apartFrom: tensor) else { return nil }
      return Finding(
        .exchangedTensor, tensor: tensor.name, expected: "its own elements",
        found: "those of \(other)", hint: "were the two exchanged?")
    }
  }

  /// The tensor of the source that has these elements.
  private func owner(of found: [Double], apartFrom tensor: TensorInfo) throws -> String? {
    for (name, other) in source.sorted(by: { $0.key < $1.key })
    where name != tensor.name && other.shape == tensor.shape && other.aliasOf == nil {
      if try collectDoubles(other.dtype, count: other.shape.count, other.produce) == found {
        return name
      }
    }
    return nil
  }
}
