import ReferenceLayers

/// What may have been done to a tensor of a layer on its way into another framework.
struct OperandMistake: Sendable {
  let id: String
  /// A phrase that follows the tensor's name.
  let finding: String
  let fix: String
  let apply: @Sendable (Tensor<Double>) -> Tensor<Double>?

  /// The mistakes that a tensor may have suffered, the likeliest first.
  static func known(_ operand: Operand) -> [OperandMistake] {
    if operand == .scale { return [scaleMissing] + blocks }
    return operand.isBias ? biases : [.transposed, .flipped, .spatialAxesSwapped] + blocks
  }

  private static let biases =
    [
      OperandMistake(
        id: "bias_missing", finding: "is missing, or zero", fix: "copy the bias"
      ) { Tensor(zeros: $0.shape) },
      OperandMistake(
        id: "bias_doubled", finding: "counts twice", fix: "give one of the two biases zeros"
      ) { $0.scaled(by: 2) },
      OperandMistake(
        id: "bias_negated", finding: "has the other sign", fix: "copy the bias as it is"
      ) { $0.scaled(by: -1) },
    ] + blocks

  private static let scaleMissing = OperandMistake(
    id: "weight_missing", finding: "is not applied, or ones", fix: "multiply by the scale"
  ) { Tensor($0.shape, $0.values.map { _ in 1 }) }

  private static let transposed = OperandMistake(
    id: "weight_transposed", finding: "is transposed", fix: "transpose it"
  ) {
    $0.shape.count >= 2 && $0.shape[$0.shape.count - 1] == $0.shape[$0.shape.count - 2]
      ? $0.transposed : nil
  }

  private static let flipped = OperandMistake(
    id: "kernel_flipped", finding: "has its spatial axes reversed",
    fix: "reverse the kernel along its spatial axes"
  ) { $0.shape.count >= 3 ? $0.flipped(0..<$0.shape.count - 2) : nil }

  private static let spatialAxesSwapped = OperandMistake(
    id: "kernel_transposed", finding: "has its height and width exchanged",
    fix: "exchange the kernel's height and width"
  ) {
    $0.shape.count == 4 && $0.shape[0] == $0.shape[1] ? $0.permuted([1, 0, 2, 3]) : nil
  }

  /// The gates of a recurrent layer, or the queries, keys and values of one matrix, in another
  /// order; and heads that were taken for features.
  private static let blocks: [OperandMistake] = [3, 4].flatMap { count in
    Aligner.orders(count).dropFirst().map { order in
      OperandMistake(
        id: "gate_order", finding: "has its \(count) blocks in the order \(order.map { $0 + 1 })",
        fix: "put the blocks into the order of the layer"
      ) { tensor in
        guard tensor.width % count == 0 else { return nil }
        let each = tensor.width / count
        let rows = Tensor([tensor.rows, tensor.width], tensor.values)
        let moved = Tensor.joined(order.map { rows.columns($0 * each..<($0 + 1) * each) })
        return Tensor(tensor.shape, moved.values)
      }
    }
  }
}

/// Says what was done to a tensor, by trying.
enum OperandDiagnosis {
  /// As far apart as rounding of float32 makes equal numbers.
  private static let rounding = 1e-6
  /// The steps of bfloat16 and float16.
  private static let halfPrecisions: [(name: String, bits: Int)] = [
    ("float16", 10), ("bfloat16", 7),
  ]

  /// - Returns: the id of the cause, a phrase that follows the tensor's name, and what to do.
  static func explain(
    _ operand: Operand, source: Tensor<Double>?, converted: Tensor<Double>?
  ) -> (id: String, finding: String, fix: String) {
    let part = operand.isBias ? "bias" : "weight"
    let unknown = (
      "other_weights", "is not what the source has", "copy the \(operand.rawValue) from the source"
    )
    guard let source else {
      return ("\(part)_added", "is not in the source", "leave it out")
    }
    guard let converted else {
      return ("\(part)_missing", "is missing", "give the layer its \(operand.rawValue)")
    }
    guard source.values.count == converted.values.count else { return unknown }
    let reshaped = converted.reshaped(source.shape)
    for mistake in OperandMistake.known(operand) {
      if let made = mistake.apply(source), isSame(made, reshaped) {
        return (mistake.id, mistake.finding, mistake.fix)
      }
    }
    for half in halfPrecisions where isRounded(source, reshaped, bits: half.bits) {
      return (
        "precision", "was rounded to \(half.name)", "convert it without --dtype \(half.name)"
      )
    }
    if let (finding, fix) = headLayout(source, reshaped) { return ("head_layout", finding, fix) }
    if let factor = factor(source, reshaped) {
      return (
        "\(part)_scaled", "is \(short(factor)) times the source's",
        "copy it without a factor"
      )
    }
    if operand == .scale, isShifted(source, reshaped, by: 1) {
      return (
        "scale_offset", "is stored around another number: it differs by one everywhere",
        "add what the layer's formula adds to its scale"
      )
    }
    if operand == .table, let rows = shiftedRows(source, reshaped) {
      return (
        "rows_shifted", "has its rows shifted by \(rows)",
        "keep the rows' order: check the index of padding"
      )
    }
    if isPermuted(source, reshaped) {
      return ("channels_permuted", "has its channels in another order", "keep the channels' order")
    }
    return unknown
  }

  private static func isSame(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Bool {
    a.values.count == b.values.count
      && Difference(a.values, reference: b.values).relative <= rounding
  }

  private static func isRounded(_ a: Tensor<Double>, _ b: Tensor<Double>, bits: Int) -> Bool {
    let step = 1 / Double(1 << bits)
    return zip(a.values, b.values).allSatisfy { ($0 - $1).magnitude <= step * $0.magnitude }
  }

  /// (heads, width) read as (width, heads) along the last axis or the one before it.
  private static func headLayout(
    _ a: Tensor<Double>, _ b: Tensor<Double>
  ) -> (finding: String, fix: String)? {
    for axis in a.shape.indices.suffix(2) {
      let extent = a.shape[axis]
      for heads in 2..<max(3, extent) where extent % heads == 0 && extent / heads > 1 {
        let split = Array(a.shape[..<axis]) + [heads, extent / heads] + a.shape[(axis + 1)...]
        var order = Array(split.indices)
        order.swapAt(axis, axis + 1)
        if isSame(a.reshaped(split).permuted(order).reshaped(a.shape), b) {
          return (
            "has \(heads) blocks of \(extent / heads) where \(extent / heads) of \(heads) belong",
            "split the axis into heads and features in the layer's order"
          )
        }
      }
    }
    return nil
  }

  private static func isShifted(_ a: Tensor<Double>, _ b: Tensor<Double>, by step: Double) -> Bool {
    [step, -step].contains { shift in
      isSame(Tensor(a.shape, a.values.map { $0 + shift }), b)
    }
  }

  /// By how many rows a table was shifted, the last ones coming first.
  private static func shiftedRows(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Int? {
    (1...min(3, max(1, a.rows - 1))).lazy.flatMap { [$0, -$0] }.first { shift in
      let cut = (shift > 0 ? a.rows - shift : -shift) * a.width
      guard cut > 0, cut < a.values.count else { return false }
      return isSame(Tensor(a.shape, Array(a.values[cut...] + a.values[..<cut])), b)
    }
  }

  private static func factor(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double? {
    guard let index = a.values.indices.max(by: { a.values[$0].magnitude < a.values[$1].magnitude }),
      a.values[index] != 0
    else { return nil }
    let factor = b.values[index] / a.values[index]
    return factor.isFinite && isSame(a.scaled(by: factor), b) ? factor : nil
  }

  /// Whether the columns, or the rows, are the same in another order.
  private static func isPermuted(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Bool {
    func lines(_ x: Tensor<Double>) -> [[Double]] {
      let rows = x.reshaped([x.rows, x.width])
      return (0..<rows.rows).map { row in
        rows.values[row * rows.width..<(row + 1) * rows.width].map {
          // The same number in float32 and in float64.
          Double(Float($0))
        }
      }.sorted { $0.lexicographicallyPrecedes($1) }
    }
    guard a.shape == b.shape, a.shape.count >= 1, a.values.count > 1 else { return false }
    if lines(a) == lines(b) { return true }
    let (x, y) = (
      a.reshaped([a.rows, a.width]).transposed, b.reshaped([b.rows, b.width]).transposed
    )
    return lines(x) == lines(y)
  }

  static func short(_ value: Double) -> String {
    let rounded = (value * 1000).rounded() / 1000
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }
}
