import ReferenceLayers

/// What two computations between the same calls differ in.
enum BetweenCause {
  static func make(
    _ source: Expression, _ converted: Expression?, of target: Origin,
    _ framework: LayerFacts.Framework
  ) -> Cause {
    guard let converted else {
      return Cause(
        id: "other_function", explains: nil, effect: nil,
        text:
          "\(source.text) in the source; the converted model computes it in a way that is not known",
        fix: "compute \(source.text) there")
    }
    let (id, text) = words(source, converted, target)
    return Cause(
      id: id, explains: 1, effect: effect(source, converted), text: text,
      fix: fix(source, converted, framework))
  }

  /// That a parameter which the same computation takes on both sides is not the same; `nil` where all
  /// are.
  static func ofParameters(_ expression: Expression) -> Cause? {
    for parameter in expression.arguments where parameter.kind == .parameter {
      guard let x = parameter.values(.source), let y = parameter.values(.converted),
        !(Difference(y, reference: x).relative <= RecordingTolerance.rounding)
      else { continue }
      let (id, finding, fix) = OperandDiagnosis.explain(
        .table, source: x.inDoubles, converted: y.inDoubles)
      return Cause(
        id: id, explains: 1, effect: nil,
        text: "\(parameter.title) of the converted model \(finding)", fix: fix)
    }
    return nil
  }

  private static func fix(
    _ source: Expression, _ converted: Expression, _ framework: LayerFacts.Framework
  ) -> String {
    if case (.activation(let name)?, _) = rest(source.steps, converted.steps) {
      return SettingCause.fixActivation(name, framework == .torch)
    }
    return "compute \(source.text) there"
  }

  /// How far the converted model's computation takes the source's own tensors from the source's.
  private static func effect(_ a: Expression, _ b: Expression) -> Double? {
    guard let x = a.value(.source), let y = b.value(.source), x.values.count == y.values.count
    else { return nil }
    let relative = Difference(y.values, reference: x.values).relative
    return relative.isFinite ? relative : nil
  }

  private static func words(
    _ a: Expression, _ b: Expression, _ target: Origin
  ) -> (id: String, text: String) {
    let both = "\(a.text) in the source, \(b.text) in the converted model"
    let (x, y) = rest(a.steps, b.steps)
    if case (.attention(let one)?, .attention(let other)?) = (x, y) {
      return AttentionForm.cause(one, other)
    }
    return (id(a, b, x, y, target), both)
  }

  /// - Parameters:
  ///   - x: the first function in which the two differ, of the source.
  ///   - y: the same of the converted model.
  private static func id(
    _ a: Expression, _ b: Expression, _ x: Expression.Step?, _ y: Expression.Step?,
    _ target: Origin
  ) -> String {
    let sums = (a.sums, b.sums)
    if sums.0 > sums.1 { return "residual_missing" }
    if sums.0 < sums.1 { return "residual_added" }
    switch (x, y) {
    case (.activation(let one)?, .activation(let other)?): return Activation.causeID(one, other)
    case (.dropout?, _), (_, .dropout?): return "dropout"
    case (.limits?, _), (_, .limits?): return "limits"
    case (.weightedSum?, _), (_, .weightedSum?): return "scale"
    case (.pooling?, _), (_, .pooling?): return "pooling"
    case (.selection?, _), (_, .selection?): return "token_selection"
    case (.resizing?, _), (_, .resizing?): return "interpolation"
    case (.reversal?, _), (_, .reversal?): return "axis_reversed"
    case (.rearrangement?, _), (_, .rearrangement?):
      // Fewer axes follow: the image, or the tokens, became one vector.
      let rank = a.value(.source)?.shape.filter { $0 > 1 }.count ?? 0
      return target.shape.count(where: { $0 > 1 }) < rank ? "flatten_order" : "axis_order"
    case (.affine(let p, let q)?, .affine(let r, let s)?):
      return p == r && q != s ? "constant" : scale(a, b)
    case (.affine(1, _)?, _), (_, .affine(1, _)?): return "constant"
    case (.affine?, _), (_, .affine?): return scale(a, b)
    case (.activation?, _), (_, .activation?): return "activation"
    case (.table?, _), (_, .table?): return "constant"
    case (.product?, _), (_, .product?):
      return (a.arguments + b.arguments).contains { $0.kind == .parameter } ? "scale" : "gate"
    default: return otherArguments(a, b)
    }
  }

  private static func scale(_ a: Expression, _ b: Expression) -> String {
    (a.arguments + b.arguments).contains { $0.kind == .embedding } ? "embedding_scale" : "scale"
  }

  /// The same functions of other tensors.
  private static func otherArguments(_ a: Expression, _ b: Expression) -> String {
    let differing = zip(a.arguments, b.arguments).filter { $0 !== $1 }
    if a.steps.count == b.steps.count, let id = differing.lazy.compactMap(Self.ofFunction).first {
      return id
    }
    let isJoined = a.steps.contains { if case .concatenation = $0 { true } else { false } }
    // Of the same sum of other tensors the sum itself is the difference.
    return isJoined
      ? "concatenation_order" : a.steps.contains(.sum) ? "residual_missing" : "other_origin"
  }

  /// Where two origins are one under two functions that they were brought into shape by.
  private static func ofFunction(_ a: Origin, _ b: Origin) -> String? {
    switch (a.kind, b.kind) {
    case (.resizing, .resizing): "interpolation"
    case (.reduction(let one), .reduction(let other)): one == other ? "token_selection" : nil
    case (.part(let one), .part(let other)): one == other ? "parts_exchanged" : nil
    case (.parameter, .parameter): "rows_shifted"
    default: nil
    }
  }

  /// The first functions in which two ways differ, those before and behind being the same.
  private static func rest(
    _ a: [Expression.Step], _ b: [Expression.Step]
  ) -> (Expression.Step?, Expression.Step?) {
    var (x, y) = (a[...], b[...])
    while let one = x.last, one == y.last { (x, y) = (x.dropLast(), y.dropLast()) }
    while let one = x.first, one == y.first { (x, y) = (x.dropFirst(), y.dropFirst()) }
    return (x.first, y.first)
  }
}

extension Expression {
  /// How many tensors are added to others.
  fileprivate var sums: Int {
    steps.count { step in
      switch step {
      case .sum, .weightedSum: true
      default: false
      }
    }
  }
}

extension Tensor<Float> {
  fileprivate var inDoubles: Tensor<Double> { Tensor<Double>(shape, values.map { Double($0) }) }
}

extension Cause {
  /// Of a module that draws numbers.
  static let dropout = Cause(
    id: "dropout", explains: nil, effect: nil,
    text: "the converted model leaves out elements by chance, as in training",
    fix: "call model.eval() before the run")

  static let extentsID = "extents"

  /// Of a tensor that has another size.
  static func extents(_ source: [Int], _ converted: [Int]) -> Cause {
    func words(_ shape: [Int]) -> String {
      "(" + shape.map(String.init).joined(separator: ", ") + ")"
    }
    return Cause(
      id: extentsID, explains: nil, effect: nil,
      text:
        "the input is \(words(source)) in the source, \(words(converted)) in the converted model",
      fix: "look at the windows, steps and padding of what makes it")
  }
}
