import CheckpointCore

/// An operation on every number of a tensor, written as a function of `x`: `x + 1`.
package struct ValueOperation: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
  }

  package let kind: Kind
  package let operand: Double

  init(_ kind: Kind, _ operand: Double) {
    self.kind = kind
    self.operand = operand
  }

  /// - Throws: `CheckpointError` in the words of the expression.
  package init(_ text: String) throws {
    let problem = CheckpointError(
      entry: text, "this is no operation on a number",
      advice: "write x, then + - * or /, then a number: x + 1")
    let words = text.split(separator: " ")
    guard words.count == 3, words[0] == "x", let kind = Kind(rawValue: String(words[1])),
      let operand = Double(words[2]), operand.isFinite,
      operand != 0 || kind == .add || kind == .subtract
    else { throw problem }
    self.init(kind, operand)
  }

  /// The operation that leads back.
  package var inverse: ValueOperation {
    switch kind {
    case .add: ValueOperation(.subtract, operand)
    case .subtract: ValueOperation(.add, operand)
    case .multiply: ValueOperation(.divide, operand)
    case .divide: ValueOperation(.multiply, operand)
    }
  }

  /// Whether the way back gives every number again to the last bit, overflow apart: scaling by a
  /// power of two changes no digit, adding rounds.
  package var isExact: Bool {
    switch kind {
    case .add, .subtract: operand == 0
    case .multiply, .divide: operand.significand == 1 || operand.significand == -1
    }
  }

  /// Applies the operation to elements of `dtype`, in its own precision.
  ///
  /// - Throws: where the elements are no floating-point numbers of 16, 32 or 64 bits.
  func apply(_ bytes: Span<UInt8>, _ dtype: DType) throws -> [UInt8] {
    guard ElementCast.targets.contains(dtype) else {
      throw CheckpointError(
        "'\(self)' is defined for floating-point numbers, found \(dtype)")
    }
    var values: [Double] = []
    decodeDoubles(bytes, dtype, into: &values)
    for index in values.indices { values[index] = apply(values[index]) }
    var result: [UInt8] = []
    ElementCast.encode(values, as: dtype, into: &result)
    return result
  }

  private func apply(_ x: Double) -> Double {
    switch kind {
    case .add: x + operand
    case .subtract: x - operand
    case .multiply: x * operand
    case .divide: x / operand
    }
  }
}

extension ValueOperation: CustomStringConvertible {
  package var description: String {
    let number = Int(exactly: operand).map(String.init) ?? operand.description
    return "x \(kind.rawValue) \(number)"
  }
}
