import Bytes
import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The scale-offset filter: numbers less their minimum, each in as few bits as the largest takes.
///
///     0   4   bits per number, little-endian
///     4   1   bytes of the minimum that count, 8
///     5   8   the minimum, little-endian: of the type of the dataset
///     13  8   padding
///     21      the numbers, one after the other, the highest bit first
///
/// Floats were multiplied by a power of ten and rounded first. Where a fill value is defined, it is
/// the number of all ones. Where the bits are those of the type, the numbers stand as they were.
///
/// Source: the HDF5 library's H5Zscaleoffset.c.
struct HDF5ScaleOffset {
  private let scaleFactor: Int
  private let isFloat: Bool
  private let size: Int
  private let count: Int
  private let isBigEndian: Bool
  /// The bits of one element; `nil` where none is defined.
  private let fill: UInt64?

  private static let headerSize = 21
  private static let integerScale = 2

  init(_ parameters: [Int]) throws {
    guard parameters.count >= 8, [1, 2, 4, 8].contains(parameters[4]), parameters[2] >= 0,
      parameters[0] == Self.integerScale || (parameters[0] == 0 && parameters[4] >= 4)
    else {
      throw CheckpointError(
        "its scale-offset filter has parameters of an unknown kind", advice: "repack the file")
    }
    scaleFactor = Int(Int32(truncatingIfNeeded: parameters[1]))
    count = parameters[2]
    isFloat = parameters[3] == 1
    size = parameters[4]
    isBigEndian = parameters[6] == 1
    let words = parameters.dropFirst(8).prefix(2)
    fill =
      parameters[7] == 0
      ? nil
      : words.enumerated().reduce(UInt64(0)) {
        $0 | UInt64(UInt32(truncatingIfNeeded: $1.element)) << (32 * UInt64($1.offset))
      }
  }

  /// - Parameter limit: bytes that may come of it, at most.
  func expand(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    let width = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard let total = count.multipliedChecked(by: size), total <= limit,
      bytes.count >= Self.headerSize, width <= 8 * size,
      let bits = count.multipliedChecked(by: width), bits <= 8 * (bytes.count - Self.headerSize)
    else {
      throw CheckpointError(
        "a chunk is no valid scale-offset data",
        advice: "the file is damaged; fetch or save it again")
    }
    if width == 8 * size {
      let whole = Array(bytes[Self.headerSize..<Self.headerSize + total])
      return isBigEndian ? reordered(whole) : whole
    }
    let minimum = bytes[5..<13].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let scale = pow(10, Double(scaleFactor))
    let missing = (UInt64(1) << UInt64(width)) - 1
    var result: [UInt8] = []
    result.reserveCapacity(total)
    var position = 8 * Self.headerSize
    for _ in 0..<count {
      let number = Self.bits(width, at: &position, of: bytes)
      let value = number == missing && fill != nil ? fill ?? 0 : restored(number, minimum, scale)
      for byte in 0..<size { result.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))) }
    }
    return isBigEndian ? reordered(result) : result
  }

  private func restored(_ number: UInt64, _ minimum: UInt64, _ scale: Double) -> UInt64 {
    guard isFloat else { return number &+ minimum }
    if size == 8 {
      let value = Double(Int64(bitPattern: number)) / scale
      return (value + Double(bitPattern: minimum)).bitPattern
    }
    let value = Float(Int32(truncatingIfNeeded: number)) / Float(scale)
    return UInt64(
      (value + Float(bitPattern: UInt32(truncatingIfNeeded: minimum))).bitPattern)
  }

  private static func bits(_ width: Int, at position: inout Int, of bytes: [UInt8]) -> UInt64 {
    var value: UInt64 = 0
    var left = width
    while left > 0 {
      let within = position % 8
      let taken = min(left, 8 - within)
      let part = (Int(bytes[position / 8]) >> (8 - within - taken)) & ((1 << taken) - 1)
      value = value << UInt64(taken) | UInt64(part)
      position += taken
      left -= taken
    }
    return value
  }

  /// The elements in the other byte order.
  private func reordered(_ bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: size).flatMap { bytes[$0..<$0 + size].reversed() }
  }
}
