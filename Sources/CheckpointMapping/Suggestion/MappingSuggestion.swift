import Bytes
package import CheckpointCore

/// A model document drafted from two checkpoints: the one to convert, and one of the other side.
///
/// Where the target holds the same weights, every pair and its layout is found by value; elsewhere by
/// names, nesting, order and the shapes that known layers allow. What neither tells is a question.
///
/// The layers that are known lead from Flax and Keras to PyTorch. Where the target is of the former,
/// the sides are exchanged, and the document says that its rules are read backwards.
package struct MappingSuggestion: Sendable {
  /// A question that the draft leaves open.
  package struct Question: Sendable {
    /// Counted from 1: what `--answer` takes.
    package let number: Int
    /// The targets of the rule, as the document writes them.
    package let target: String
    package let text: String
    /// Each the keys of a rule that would be other ones.
    package let alternatives: [JSONValue]
  }

  /// The document's text; ends with a newline.
  package let document: String
  package let rules: Int
  package let questions: [Question]
  /// Target tensors by what their rule was found by.
  package let evidence: [(kind: String, count: Int)]
  /// Tensors of the source that nothing takes.
  package let leftOver: [TensorName]
  /// Target tensors that no source makes.
  package let withoutSource: [TensorName]
  /// Whether too little was found to be a mapping.
  package let isHopeless: Bool

  /// Of the source's tensors, at least this share must have found a place.
  private static let minimumShare = 0.5

  /// - Parameters:
  ///   - name: the document's name.
  ///   - answers: by the number of a question, the number of the alternative; 0 is the draft's own.
  package init(
    name: String, source: SuggestionInput, target: SuggestionInput, answers: [Int: Int] = [:],
    threads: Int
  ) throws {
    let isReversed = Self.leadsFromTorch(source, target)
    let (from, to) = isReversed ? (target, source) : (source, target)
    var drafter = Drafter(from, to, isReversed: isReversed, threads: threads)
    try drafter.findByValue()
    var draft = try drafter.draft(pinned: [:])
    let pins = try Self.pins(draft, answers)
    if !pins.isEmpty { draft = try drafter.draft(pinned: pins) }
    let folded = try Self.answered(draft.folded, answers)
    rules = folded.count
    questions = Self.questions(folded)
    evidence = draft.evidence
    leftOver = isReversed ? draft.withoutSource : draft.withoutTarget
    withoutSource = isReversed ? draft.withoutTarget : draft.withoutSource
    let share = Double(source.tensors.count - leftOver.count)
    isHopeless =
      source.tensors.isEmpty || share < Self.minimumShare * Double(source.tensors.count)
      || draft.pairCount == 0
    document = Self.text(
      name: name, sides: (drafter.sourceWorld, drafter.targetWorld), isReversed: isReversed,
      rules: folded.map(\.members))
  }

  private static func leadsFromTorch(_ source: SuggestionInput, _ target: SuggestionInput) -> Bool {
    let worlds = [source, target].map { DraftSide($0.tensors).world }
    return worlds[0] == "torch" && (worlds[1] == "flax" || worlds[1] == "keras")
  }

  private static func questions(_ rules: [RuleFolding.Folded]) -> [Question] {
    var result: [Question] = []
    for rule in rules {
      let object = JSONValue.object(rule.members)
      guard case .string(let text)? = object["confirm"] else { continue }
      var alternatives: [JSONValue] = []
      if case .array(let items)? = object["alternatives"] { alternatives = items }
      let target = object["target"] ?? object["targets"] ?? object["drop"]
      let title =
        if case .string(let text)? = target { text } else { target?.serializedOnOneLine() ?? "" }
      result.append(
        Question(
          number: result.count + 1, target: title, text: text, alternatives: alternatives))
    }
    return result
  }

  /// The pairs that answers about a source decide.
  private static func pins(_ draft: Draft, _ answers: [Int: Int]) throws -> [TensorName: TensorName]
  {
    var pins: [TensorName: TensorName] = [:]
    let questions = questions(draft.folded)
    for (number, choice) in answers.sorted(by: { $0.key < $1.key }) {
      guard let question = questions.first(where: { $0.number == number }) else {
        throw CheckpointError(
          kind: .usage, "there is no question \(number)",
          advice: questions.isEmpty
            ? "the draft leaves none open" : "the questions are 1 to \(questions.count)")
      }
      guard (0...question.alternatives.count).contains(choice) else {
        throw CheckpointError(
          kind: .usage, "question \(number) has no alternative \(choice)",
          advice: "its alternatives are 1 to \(question.alternatives.count); 0 is the draft's own")
      }
      guard choice > 0, case .string(let source)? = question.alternatives[choice - 1]["source"],
        let from = try? NamePattern(source), let to = try? NamePattern(question.target)
      else { continue }
      for rule in draft.rules {
        for target in rule.targets {
          guard let bindings = to.match(target), let name = from.name(bindings) else { continue }
          pins[target] = name
        }
      }
    }
    return pins
  }

  /// The rules with the chosen alternatives in place of their questions.
  private static func answered(
    _ rules: [RuleFolding.Folded], _ answers: [Int: Int]
  ) throws -> [RuleFolding.Folded] {
    var number = 0
    return rules.map { rule in
      let object = JSONValue.object(rule.members)
      guard object["confirm"] != nil else { return rule }
      number += 1
      guard let choice = answers[number] else { return rule }
      var result = rule
      result.members.removeAll { $0.key == "confirm" || $0.key == "alternatives" }
      if choice > 0, case .array(let items)? = object["alternatives"],
        items.indices.contains(choice - 1),
        case .object(let changes) = items[choice - 1]
      {
        let layoutKeys: Set = ["layout", "flip", "at", "sizes", "fill", "order", "values"]
        if changes.contains(where: { $0.key == "layout" }) {
          result.members.removeAll { layoutKeys.contains($0.key) && $0.key != "at" }
        }
        result.members.removeAll { member in changes.contains { $0.key == member.key } }
        let place = result.members.firstIndex { $0.key == "evidence" } ?? result.members.endIndex
        result.members.insert(contentsOf: changes, at: place)
      }
      return result
    }
  }

  private static func text(
    name: String, sides: (source: String, target: String), isReversed: Bool,
    rules: [[JSONValue.Member]]
  ) -> String {
    let lines = rules.map { "    " + JSONValue.object($0).serializedOnOneLine() }
    let ends = [sides.source, sides.target].map(ModelDocument.Sides.title)
    var head: [JSONValue.Member] = [
      .init("schema_version", .int(ModelDocument.schemaVersion)), .init("name", .string(name)),
      .init("title", .string((isReversed ? ends.reversed() : ends).joined(separator: " to "))),
      .init(
        "sides", .object(["source": .string(sides.source), "target": .string(sides.target)])),
    ]
    if isReversed { head.append(.init("reversed", .bool(true))) }
    var text = "{\n"
    for member in head {
      text +=
        "  \(JSONValue.string(member.key).serialized()): "
        + "\(member.value.serializedOnOneLine()),\n"
    }
    return text + "  \"rules\": [\n" + lines.joined(separator: ",\n") + "\n  ]\n}\n"
  }
}

/// One of the two checkpoints.
package struct SuggestionInput: Sendable {
  package let tensors: [TensorInfo]
  /// Whether names begin with Flax's collections.
  let hasCollections: Bool
  let reader: any CheckpointReader

  /// The parameters among `entries`: of a train state, what lies in its collections.
  package init(_ entries: [CheckpointEntry], _ reader: any CheckpointReader) {
    self.reader = reader
    let all = entries.compactMap { entry in
      if case .tensor(let tensor) = entry { tensor } else { nil }
    }
    // What trainers call the state dict beside the optimizer's; a module may be called `model`.
    let wrappers: [TensorName] = ["state_dict", "model_state_dict"]
    func below(_ prefix: TensorName) -> [TensorInfo] {
      all.compactMap { tensor in
        tensor.name.relative(to: prefix).flatMap { $0.isEmpty ? nil : tensor.renamed($0) }
      }
    }
    var roots: Set<TensorName> = []
    for tensor in all {
      for (place, rest) in [("", tensor.name)] + tensor.name.groups {
        guard let inside = rest.relative(to: ParameterRoot.collections[0]) else { continue }
        if !inside.isEmpty { roots.insert(place) }
      }
    }
    if roots.count == 1, let root = roots.first {
      let inside = root.isEmpty ? all : below(root)
      let own = inside.filter { ParameterRoot.withoutCollection($0.name) != $0.name }
      let hasStatistics = own.contains { !$0.name.hasPrefix(ParameterRoot.collections[0]) }
      hasCollections = hasStatistics
      tensors =
        hasStatistics ? own : own.map { $0.renamed(ParameterRoot.withoutCollection($0.name)) }
      return
    }
    hasCollections = false
    if let wrapper = wrappers.first(where: { !below($0).isEmpty }) {
      tensors = below(wrapper)
    } else {
      tensors = all
    }
  }
}
