import CheckpointCore

/// A rule of a draft, for tensors and not yet for families.
struct DraftRule: Sendable {
  enum Evidence: String, Sendable, Comparable {
    case shape, names, values

    static func < (a: Evidence, b: Evidence) -> Bool {
      func rank(_ evidence: Evidence) -> Int {
        switch evidence {
        case .shape: 0
        case .names: 1
        case .values: 2
        }
      }
      return rank(a) < rank(b)
    }
  }

  /// A doubt, and what else the rule could be: the keys of a rule that would be other ones.
  struct Question: Sendable, Equatable {
    let text: String
    let alternatives: [JSONValue]
  }

  enum Content: Sendable {
    case tensors(sources: [TensorName], layout: NamedLayout)
    case constant(MappingRule.Constant)
    case template
    case alias(of: TensorName)
    case drop
  }

  /// The targets; for a drop, the source.
  var targets: [TensorName]
  var content: Content
  var evidence: Evidence
  var question: Question?

  var sources: [TensorName] {
    if case .tensors(let sources, _) = content { sources } else { [] }
  }

  /// The same rule for a tensor without a counterpart, with the question whether to leave it out
  /// where the conversion asked for has it in its source; the other way a template has it.
  func leavingOut(when isAsked: Bool) -> DraftRule {
    switch content {
    case .template, .drop: break
    default: return self
    }
    var result = self
    result.question =
      isAsked
      ? .init(
        text: "nothing on the other side takes this tensor: leave it out?", alternatives: [])
      : nil
    return result
  }

  /// The names that fold into families, targets first.
  var names: [TensorName] {
    switch content {
    case .tensors(let sources, _): targets + sources
    case .alias(let of): targets + [of]
    default: targets
    }
  }
}
