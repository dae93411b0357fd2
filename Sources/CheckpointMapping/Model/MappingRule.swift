package import CheckpointCore

/// A line of a mapping: how a tensor of the target, or a numbered family of them, comes about.
package struct MappingRule: Sendable {
  /// Tensors of the target and those of the source that they are made from.
  package struct Tensors: Sendable {
    package let targets: [NamePattern]
    package let sources: [NamePattern]
    package let layout: NamedLayout
    /// Whether the tensors, or members of their family, may be absent from the file.
    package let isPartial: Bool
  }

  /// A target that has no source.
  package struct Constant: Sendable {
    package enum Extents: Sendable {
      case shape(Shape)
      /// The shape of another target.
      case like(NamePattern)
    }
    package enum Value: Sendable {
      case number(Double)
      /// 0, 1, 2, … along the last dimension.
      case range
    }
    package let target: NamePattern
    package let extents: Extents
    package let dtype: DType
    package let value: Value
  }

  package enum Action: Sendable {
    case tensors(Tensors)
    /// The tensors at and below `name` are those at and below `of`, under a second name.
    case alias(name: NamePattern, of: NamePattern)
    /// The tensors of the source at and below `name` have no counterpart.
    case drop(name: NamePattern)
    case constant(Constant)
    /// The target is copied from a file of the target's side.
    case template(NamePattern)
  }

  /// A question that the two files leave open, and what else the rule could be.
  package struct Question: Sendable {
    package let text: String
    package let alternatives: [JSONValue]
  }

  package let action: Action
  /// The values that `{variable}` takes in the names, bounds included; a variable without a range
  /// takes every value that occurs in the file.
  package let ranges: [(variable: String, bounds: ClosedRange<Int>)]
  /// Why, for a reader.
  package let comment: String?
  /// What the rule was found by, where it was drafted: `values`, `names` or `shape`.
  package let evidence: String?
  package let question: Question?
  /// Its position in the document, counted from 1.
  package let number: Int

  /// What the rule makes and what is asked of it, for a message.
  package var title: String {
    let names = (action.targets.isEmpty ? action.sources : action.targets).map(\.description)
    return names.joined(separator: ", ") + (question.map { ": \($0.text)" } ?? "")
  }

  func problem(_ message: String, advice: String? = nil) -> CheckpointError {
    CheckpointError(entry: "rule \(number)", message, advice: advice)
  }
}

extension MappingRule.Action {
  /// The names of the target's side.
  package var targets: [NamePattern] {
    switch self {
    case .tensors(let rule): rule.targets
    case .alias(let name, _): [name]
    case .drop: []
    case .constant(let constant): [constant.target]
    case .template(let name): [name]
    }
  }

  /// The names of the source's side.
  package var sources: [NamePattern] {
    switch self {
    case .tensors(let rule): rule.sources
    case .drop(let name): [name]
    case .alias, .constant, .template: []
    }
  }

  var variables: [String] {
    var names: [String] = []
    var patterns = targets + sources
    if case .alias(_, let of) = self { patterns.append(of) }
    for name in patterns.flatMap(\.variables) where !names.contains(name) { names.append(name) }
    if case .tensors(let rule) = self {
      for index in rule.layout.layout.at.values {
        if let name = index.variable, !names.contains(name) { names.append(name) }
      }
    }
    return names
  }
}

extension MappingRule.Constant: CustomStringConvertible {
  /// The value and the shape: `0 (3,)`.
  package var description: String {
    let text =
      switch value {
      case .number(let number): Int(exactly: number).map(String.init) ?? number.description
      case .range: "0, 1, 2, …"
      }
    return switch extents {
    case .shape(let shape): "\(text) \(shape)"
    case .like(let name): "\(text), shaped as \(name)"
    }
  }
}
