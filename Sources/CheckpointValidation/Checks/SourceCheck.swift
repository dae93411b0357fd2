package import CheckpointCore
import CheckpointMapping
import Synchronization

/// Compares tensors with what a source makes of them, and names rearrangements: what neither shapes
/// nor bounds can tell. Other differences are no findings: weights may have been cast or trained on.
package struct SourceCheck: ElementPass {
  /// What the elements of one tensor are, where they are not those of the source in their places.
  package enum Outcome: Sendable {
    case inPlace
    /// They stand in other places, as the phrase says.
    case rearranged(String)
    /// They are those of another tensor.
    case another(TensorName)
  }

  private let schema: CheckpointSchema
  private let tensors: [TensorInfo]
  private let source: [TensorName: OutputTensor]
  private let pairs: [(found: TensorInfo, right: OutputTensor)]
  private let rules: [TensorName: CompiledMapping.Tensor]
  private let stream: @Sendable (TensorInfo, ElementSink) throws -> Void
  private let samples = SampleCache()
  package let threads: Int

  init(
    _ schema: CheckpointSchema, _ tensors: [TensorInfo], _ source: [TensorName: OutputTensor],
    threads: Int, stream: @escaping @Sendable (TensorInfo, ElementSink) throws -> Void
  ) throws {
    self.schema = schema
    self.tensors = tensors
    self.source = source
    self.threads = threads
    self.stream = stream
    pairs = tensors.compactMap { tensor in
      Self.comparable(tensor, source).map { (tensor, $0) }
    }
    rules = try Dictionary(
      (schema.model.map { try CompiledMapping($0).targets } ?? []).map { ($0.name, $0.origin) },
      uniquingKeysWith: { first, _ in first })
  }

  package var items: [WorkItem] { pairs.map { WorkItem($0.found) } }

  package func outcome(of index: Int) throws -> Outcome {
    let (tensor, right) = pairs[index]
    let expected = try elements(right)
    let found = try collectDoubles(tensor.dtype, count: tensor.shape.count) {
      try stream(tensor, $0)
    }
    guard found != expected else { return .inPlace }
    let diagnosis = LayoutDiagnosis(
      shape: tensor.shape, rule: schema.layout == .torch ? rules[tensor.name] : nil)
    if let phrase = diagnosis.resemblance(found: found, expected: expected) {
      return .rearranged(phrase)
    }
    return try owner(of: Self.sampled(found), apartFrom: right).map { .another($0) } ?? .inPlace
  }

  /// - Parameter outcomes: one per item.
  func findings(_ outcomes: [Outcome]) -> [Finding] {
    guard !pairs.isEmpty || tensors.isEmpty else {
      return [
        Finding(
          .nothingChecked, expected: "a source to compare with",
          found: "none of its tensors has the same name and shape",
          hint: "see 'savi-ckpt ls' on both files")
      ]
    }
    return zip(pairs, outcomes).compactMap { pair, outcome in
      switch outcome {
      case .inPlace: nil
      case .rearranged(let phrase):
        Finding(
          .looksTransposed, tensor: pair.found.name,
          expected: "the source's elements in their places", found: "them in others",
          hint: "it \(phrase)")
      case .another(let owner):
        Finding(
          .exchangedTensor, tensor: pair.found.name, expected: "its own elements",
          found: "those of \(owner)", hint: "were the two exchanged?")
      }
    }
  }

  private static func comparable(
    _ tensor: TensorInfo, _ source: [TensorName: OutputTensor]
  ) -> OutputTensor? {
    guard let right = source[tensor.name], right.aliasOf == nil, right.shape == tensor.shape,
      tensor.dtype.numbersPerElement == 1, right.dtype.numbersPerElement == 1
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
  private func owner(of found: [Double], apartFrom right: OutputTensor) throws -> TensorName? {
    func distance(_ other: [Double]) -> Double {
      zip(found, other).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    guard found.count > 1 else { return nil }
    let own = distance(try sample(right))
    let others = source.values.filter {
      $0.name != right.name && $0.shape == right.shape && $0.aliasOf == nil
        && $0.dtype.numbersPerElement == 1
    }
    return try others.sorted { $0.name < $1.name }.first {
      try distance(sample($0)) <= LayoutDiagnosis.resemblanceMargin * own
    }?.name
  }

  /// A few elements of a tensor of the source.
  private func sample(_ tensor: OutputTensor) throws -> [Double] {
    try samples.value(of: tensor.name) { Self.sampled(try elements(tensor)) }
  }
}

/// Samples of tensors, each made when it is first asked for.
private final class SampleCache: Sendable {
  private let values = Mutex<[TensorName: [Double]]>([:])

  func value(of name: TensorName, _ make: () throws -> [Double]) rethrows -> [Double] {
    if let known = values.withLock({ $0[name] }) { return known }
    let made = try make()
    values.withLock { $0[name] = made }
    return made
  }
}

extension SourceCheck.Outcome: RecordedOutcome {
  package var record: JSONValue {
    switch self {
    case .inPlace: .null
    case .rearranged(let phrase): .object(["rearranged": .string(phrase)])
    case .another(let owner): .object(["another": .name(owner)])
    }
  }

  package init(record node: DocumentNode) throws {
    if node.value == .null {
      self = .inPlace
    } else if let phrase = try node.optional("rearranged") {
      self = .rearranged(try phrase.string())
    } else {
      self = .another(try node.require("another").name())
    }
  }
}
