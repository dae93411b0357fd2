import CheckpointCore

/// Renamed tensors, grouped by the part of their names that changed.
enum Renaming {
  private struct Rule: Hashable {
    let from: TensorName
    let to: TensorName
  }

  /// - Parameter renamed: each with the other name in `sameContentAs`.
  static func lines(_ renamed: [TensorDifference], folds: Bool) -> [String] {
    guard !renamed.isEmpty else { return [] }
    var rules: [(rule: Rule, names: [(TensorName, TensorName)])] = []
    var places: [Rule: Int] = [:]
    for difference in renamed {
      guard let other = difference.sameContentAs else { continue }
      let rule = rule(difference.name, other)
      let place = places[rule] ?? rules.count
      if place == rules.count { rules.append((rule, [])) }
      places[rule] = place
      rules[place].names.append((difference.name, other))
    }
    let title = "Renamed, with the same elements: \(counted(renamed.count, "tensor"))"
    return [title]
      + rules.flatMap { rule, names -> [String] in
        let pairs = names.map { "  \(printable($0)) -> \(printable($1))" }
        guard folds, names.count > 1 else { return pairs }
        return [
          "\(pairs[0]), and \(thousands(names.count - 1)) more in which "
            + "\(quoted(rule.from)) became \(quoted(rule.to))"
        ]
      }
  }

  private static func quoted(_ name: TensorName) -> String { "'\(printable(name))'" }

  /// The parts of two names between the components that they begin and end with alike.
  private static func rule(_ a: TensorName, _ b: TensorName) -> Rule {
    let (x, y) = (a.components, b.components)
    var front = 0
    while front < min(x.count, y.count), x[front] == y[front] { front += 1 }
    var back = 0
    while back < min(x.count, y.count) - front,
      x[x.count - 1 - back] == y[y.count - 1 - back]
    {
      back += 1
    }
    func middle(_ parts: [TensorName]) -> TensorName {
      TensorName(parts[front..<parts.count - back].map(\.text).joined(separator: "."))
    }
    return Rule(from: middle(x), to: middle(y))
  }
}
