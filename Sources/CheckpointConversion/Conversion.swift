public import CheckpointCore
public import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

/// What a conversion is about to write, decided in full: every tensor of the source goes into the
/// target once, and every target is made once.
public struct Conversion: Sendable {
  /// What is converted.
  public let checkpoint: Checkpoint
  package let recipe: ConversionRecipe
  /// The tensors to be written, in the target's order.
  public let outputs: [OutputTensor]
  /// The plain values of the source that may go into the output, where its format can hold them: all
  /// where the format alone is changed.
  package let values: [OutputValue]
  /// What does not go into the output, and why.
  public let notes: [String]
  /// In the words of the document's sides; `nil` where the format alone is changed.
  public let direction: String?
  /// The tensors of the source that go into the output.
  public let sources: [TensorInfo]
  /// The name of the model whose mapping is used.
  public let model: String?
  /// Where in the source the parameters are; `""` at the top.
  let root: TensorName
  let steps: [Step]
  let overflows = OverflowCount()

  /// One output with its origin, for reports.
  struct Step: Sendable {
    let output: OutputTensor
    let sources: [TensorName]
    let role: String
    let rule: Int?
  }

  /// - Throws: `CheckpointError` where the recipe does not fit, where an entry holds data that
  ///   cannot be read, or where there is no tensor.
  public init(of checkpoint: Checkpoint, by recipe: ConversionRecipe = ConversionRecipe()) throws {
    try self.init(
      of: checkpoint, by: recipe, template: try recipe.template.map { try Checkpoint(path: $0) })
  }

  /// - Parameters:
  ///   - template: the opened `recipe.template`.
  ///   - comparesPairs: whether names that the mapping holds to be one tensor are compared, which
  ///     reads them.
  package init(
    of checkpoint: Checkpoint, by recipe: ConversionRecipe, template: Checkpoint?,
    comparesPairs: Bool = true
  ) throws {
    let tensors = try checkpoint.readableTensors()
    let plan = try inFile(checkpoint.path) {
      let plan = try Self.plan(checkpoint, recipe, template)
      if comparesPairs { try plan?.checkEqualPairs(in: checkpoint.reader) }
      return plan
    }
    let made =
      plan.map { Self.mapped($0, checkpoint, template) } ?? Self.unmapped(tensors, checkpoint)
    guard !made.isEmpty else {
      throw CheckpointError(
        file: checkpoint.path, "there is no tensor to convert",
        advice: "see 'savi-ckpt ls \(checkpoint.path)'")
    }
    self.checkpoint = checkpoint
    self.recipe = recipe
    direction = plan.map { $0.model.name(of: $0.direction) }
    model = plan?.model.name
    root = plan?.root ?? ""
    sources = plan?.sources ?? tensors
    steps = made.map { [overflows] step in
      recipe.dtype.map { step.cast(to: $0) { overflows.add($0) } } ?? step
    }
    outputs = steps.map(\.output)
    let kept = plan == nil ? checkpoint.placeholders : []
    values = kept.compactMap { item in
      item.value.map { OutputValue(name: item.name, value: $0) }
    }
    let leftOut =
      plan?.leftOut ?? kept.filter { $0.value == nil }.map { .placeholder($0) }
    notes = [
      Self.leftOutNote(leftOut, root: root), plan.flatMap { $0.model.unconfirmedNote },
      recipe.dtype.flatMap { Self.keptNote(made, $0) },
    ].compactMap(\.self)
  }

  /// The plan by the recipe's mapping; `nil` where the format alone is changed.
  private static func plan(
    _ checkpoint: Checkpoint, _ recipe: ConversionRecipe, _ template: Checkpoint?
  ) throws -> ConversionPlan? {
    let models: [ModelDocument]
    switch recipe.mapping {
    case .formatAlone: return nil
    case .fitting: models = try BuiltInModels.all()
    case .named(let name): models = [try ModelDocument.load(name)]
    }
    let plan = try ModelMatcher.plan(
      checkpoint.entries, models: models, direction: recipe.direction,
      template: template?.tensors)
    if !recipe.acceptsOpenQuestions { try plan.model.checkAnswered() }
    return plan
  }

  private static func mapped(
    _ plan: ConversionPlan, _ checkpoint: Checkpoint, _ template: Checkpoint?
  ) -> [Step] {
    let outputs = plan.outputs(from: checkpoint.reader, template: template?.reader)
    return zip(outputs, plan.steps).map { output, step in
      Step(
        output: output, sources: step.sources.map(\.name),
        role: step.aliasOf == nil ? step.role : ConversionPlan.aliasRole,
        rule: step.rule)
    }
  }

  private static func unmapped(_ tensors: [TensorInfo], _ checkpoint: Checkpoint) -> [Step] {
    withAliases(tensors).map { tensor, aliasOf in
      Step(
        output: OutputTensor(
          name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: aliasOf
        ) { sink in
          try checkpoint.stream(tensor, sink)
        },
        sources: [aliasOf ?? tensor.name],
        role: aliasOf == nil ? NamedLayout.copyName : ConversionPlan.aliasRole, rule: nil)
    }
  }

  private static func leftOutNote(_ entries: [CheckpointEntry], root: TensorName) -> String? {
    guard !entries.isEmpty else { return nil }
    let names = entries.prefix(3).map(\.name.text).joined(separator: ", ")
    let place = root.isEmpty ? "" : " outside \(root)"
    return
      "left out \(counted(entries.count, "entry", "entries"))\(place), not parameters: \(names)"
      + (entries.count > 3 ? ", …" : "")
  }

  private static func keptNote(_ steps: [Step], _ dtype: DType) -> String? {
    let kept = steps.count { $0.output.dtype != dtype && !ElementCast.canCast($0.output.dtype) }
    return kept == 0
      ? nil : "\(counted(kept, "tensor")) that are no floating-point numbers keep their dtype"
  }

  /// What the cast changed beyond rounding: known once the output is written.
  package var overflowNote: String? { recipe.dtype.flatMap { overflows.note($0) } }

  /// How each output was made, for the certificate.
  var origins: [Certificate.Origin] {
    steps.map {
      .init(
        name: $0.output.name, sources: $0.sources, role: $0.role, rule: $0.rule,
        aliasOf: $0.output.aliasOf)
    }
  }
}

extension Conversion.Step {
  fileprivate func cast(
    to dtype: DType, overflows: @escaping @Sendable (Int) -> Void
  ) -> Conversion.Step {
    Conversion.Step(
      output: output.cast(to: dtype, overflows: overflows), sources: sources, role: role,
      rule: rule)
  }
}
