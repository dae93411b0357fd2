import CheckpointCore
import CheckpointMapping

/// Compares tensors with what a source makes of them, and names rearrangements: what neither shapes
/// nor bounds can tell. Other differences are no findings: weights may have been cast or trained on.
struct SourceCheck {
  private let schema: CheckpointSchema
  private let tensors: [TensorInfo]
  private let source: [TensorName: OutputTensor]
  private let stream: (TensorInfo, ElementSink) throws -> Void

  init(
    _ schema: CheckpointSchema, _ tensors: [TensorInfo], _ source: [TensorName: OutputTensor],
    stream: @escaping (TensorInfo, ElementSink) throws -> Void
  ) {
    self.schema = schema
    self.tensors = tensors
    self.source = source
    self.stream = stream
  }

  func findings() throws -> [Finding] {
    let roles = try Dictionary(
      (schema.model.map { try CompiledMapping($0).targets } ?? []).map { ($0.name, $0.origin) },
      uniquingKeysWith: { first, _ in first })
    let pairs = tensors.compactMap { tensor in
      comparable(tensor).map { (tensor, $0) }
    }
    guard !pairs.isEmpty || tensors.isEmpty else {
      return [
        Finding(
          .nothingChecked, expected: "a source to compare with",
          found: "none of its tensors has the same name and shape",
          hint: "see 'savi-ckpt ls' on both files")
      ]
    }
    let samples = try Dictionary(
      source.values.filter { $0.aliasOf == nil && !$0.dtype.isComplex }.map {
        ($0.name, Self.sampled(try elements($0)))
      }, uniquingKeysWith: { first, _ in first })
    return try pairs.compactMap { tensor, right in
      let expected = try elements(right)
      let found = try collectDoubles(tensor.dtype, count: tensor.shape.count) {
        try stream(tensor, $0)
      }
      guard found != expected else { return nil }
      let rule = roles[tensor.name]
      let diagnosis = LayoutDiagnosis(
        shape: tensor.shape, rule: schema.layout == .torch ? rule : nil)
      if let phrase = diagnosis.resemblance(found: found, expected: expected) {
        return Finding(
          .looksTransposed, tensor: tensor.name, expected: "the source's elements in their places",
          found: "them in others", hint: "it \(phrase)")
      }
      return owner(of: Self.sampled(found), apartFrom: tensor, samples).map {
        Finding(
          .exchangedTensor, tensor: tensor.name, expected: "its own elements",
          found: "those of \($0)", hint: "were the two exchanged?")
      }
    }
  }

  private func comparable(_ tensor: TensorInfo) -> OutputTensor? {
    guard let right = source[tensor.name], right.aliasOf == nil, right.shape == tensor.shape,
      !tensor.dtype.isComplex, !right.dtype.isComplex
    else { return nil }
    return right
  }

  private func elements(_ tensor: OutputTensor) throws -> [Double] {
    try collectDoubles(tensor.dtype, count: tensor.shape.count, tensor.produce)
  }

  private static func sampled(_ values: [Double]) -> [Double] {
    LayoutDiagnosis.sample(of: values.count).map { values[$0] }
  }

  /// The tensor of the source whose elements these are far nearer to than to their own.
  private func owner(
    of found: [Double], apartFrom tensor: TensorInfo, _ samples: [TensorName: [Double]]
  ) -> TensorName? {
    func distance(_ other: [Double]) -> Double {
      zip(found, other).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    guard let own = samples[tensor.name].map(distance), found.count > 1 else { return nil }
    return source.values.filter { $0.name != tensor.name && $0.shape == tensor.shape }
      .map(\.name).sorted().first { name in
        samples[name].map { distance($0) <= LayoutDiagnosis.resemblanceMargin * own } ?? false
      }
  }
}
