import Bytes
import CheckpointCore

/// The fill value of an array: what the elements are where no chunk is stored. A number or a boolean;
/// "NaN", "Infinity", "-Infinity"; "0x" and the bits; a pair of those for a complex number.
enum ZarrFill {
  /// One element as the array stores it. Without a fill value it is zero, as TensorStore has it.
  static func element(
    _ node: DocumentNode?, _ dtype: DType, isBigEndian: Bool
  ) throws -> [UInt8] {
    guard let node else { return [UInt8](repeating: 0, count: dtype.itemSize) }
    var bytes: [UInt8]
    if dtype.isComplex, case .array = node.value {
      let parts = try node.items()
      guard parts.count == 2 else { throw node.problem("a complex number has two parts") }
      let part: DType = dtype == .complex64 ? .float32 : .float64
      bytes = try parts.flatMap { try number($0, part) }
    } else if dtype.isComplex {
      bytes = try number(node, dtype == .complex64 ? .float32 : .float64)
      bytes += [UInt8](repeating: 0, count: bytes.count)
    } else {
      bytes = try number(node, dtype)
    }
    var span = bytes.mutableSpan
    if isBigEndian { swapBytes(&span, width: dtype.componentSize) }
    return bytes
  }

  /// Little-endian.
  private static func number(_ node: DocumentNode, _ dtype: DType) throws -> [UInt8] {
    switch node.value {
    case .bool(let flag): return bits(flag ? 1 : 0, dtype)
    case .int(let value):
      guard dtype.isInteger || dtype == .bool else {
        return try encode(Double(value), dtype, node)
      }
      return bits(UInt64(bitPattern: Int64(value)), dtype)
    case .double(let value):
      // "0.0" for an integer; and what is beyond a signed one.
      if dtype.isInteger, let whole = UInt64(exactly: value) { return bits(whole, dtype) }
      return try encode(value, dtype, node)
    case .string(let text):
      if let value = named[text] { return try encode(value, dtype, node) }
      guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
        throw node.problem("this is no \(dtype)")
      }
      return bits(value, dtype)
    default: throw node.problem("this is no \(dtype)")
    }
  }

  private static let named: [String: Double] = [
    "NaN": .nan, "Infinity": .infinity, "-Infinity": -.infinity,
  ]

  private static func bits(_ value: UInt64, _ dtype: DType) -> [UInt8] {
    (0..<dtype.itemSize).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  private static func encode(
    _ value: Double, _ dtype: DType, _ node: DocumentNode
  ) throws -> [UInt8] {
    var result: [UInt8] = []
    if ElementCast.targets.contains(dtype) {
      ElementCast.encode([value], as: dtype, into: &result)
      return result
    }
    // Types of one byte: the one that stands for the number.
    var decoded: [Double] = []
    let codes = [UInt8](0...UInt8.max)
    decodeDoubles(codes.span, dtype, into: &decoded)
    guard dtype.itemSize == 1,
      let byte = decoded.firstIndex(where: { $0 == value || $0.isNaN && value.isNaN })
    else { throw node.problem("this is no \(dtype)") }
    return [UInt8(byte)]
  }
}
