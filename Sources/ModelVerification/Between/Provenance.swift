import ReferenceLayers

/// What a computation between calls is looked for in, for one tensor.
struct Provenance {
  let origins: [Origin]
  /// The tensor that was made, the converted one in the source's layout.
  let target: Origin

  /// As near as float32's rounding in a few functions leaves a tensor to what it was made from.
  private static let matches = 2e-5
  /// Elements that are compared before all of them are.
  private static let probes = 64

  /// Whether an expression gives one side's tensor from the same side's origins.
  func explains(_ expression: Expression, _ side: RunSide) -> Bool {
    guard let value = expression.value(origins, side) else { return false }
    let target = target.values(side)
    guard value.values.count == target.values.count else { return false }
    let scale = target.values.reduce(0) { max($0, $1.magnitude) }
    let limit = Float(Self.matches) * scale
    let step = max(1, target.values.count / Self.probes)
    for index in stride(from: 0, to: target.values.count, by: step)
    where !((value.values[index] - target.values[index]).magnitude <= limit) { return false }
    return Difference(value.values, reference: target.values).relative <= Self.matches
  }

  /// The simplest expression that gives one side's tensor.
  func find(_ side: RunSide) -> Expression? {
    for family in ExpressionFamilies.all {
      for expression in family(self, side) where explains(expression, side) { return expression }
    }
    return nil
  }

  /// The places of origins with as many elements as the target, the latest first.
  var equals: [Int] {
    let count = target.source.values.count
    return origins.indices.reversed().filter { origins[$0].source.values.count == count }
  }
}
