import Bytes
import CheckpointCore

/// A filter of a dataset's pipeline, with what it was told when the dataset was made.
struct HDF5FilterStep: Sendable {
  let filter: HDF5Filter
  let parameters: [Int]

  /// Undoes the filter on a chunk: see `HDF5Filter.undo`.
  func undo(_ bytes: [UInt8], itemSize: Int, limit: Int) throws -> [UInt8] {
    try filter.undo(bytes, parameters, itemSize: itemSize, limit: limit)
  }
}

/// The filters of the HDF5 pipeline that this tool undoes itself (HDF5 specification, IV.A.2.l, and
/// the registry of filters).
enum HDF5Filter: Int {
  case deflate = 1
  case shuffle = 2
  case fletcher32 = 3
  case scaleOffset = 6
  case lzf = 32000

  /// Undoes the filter on a chunk.
  ///
  /// - Parameters:
  ///   - parameters: what the filter was told.
  ///   - itemSize: bytes per element.
  ///   - limit: bytes of the chunk before any filter, and a checksum; nothing may grow beyond it.
  func undo(
    _ bytes: [UInt8], _ parameters: [Int], itemSize: Int, limit: Int
  ) throws -> [UInt8] {
    switch self {
    case .deflate:
      guard let result = Inflate.unpack(bytes.span, .zlib, limit: limit) else {
        throw CheckpointError(
          "a chunk of \(bytes.count) bytes does not inflate to at most \(limit)",
          advice: "the file is damaged; fetch or save it again")
      }
      return result
    case .shuffle: return unshuffle(bytes, itemSize)
    case .fletcher32: return try checked(bytes)
    case .scaleOffset: return try HDF5ScaleOffset(parameters).expand(bytes, limit: limit)
    case .lzf: return try LZF.decompress(bytes, limit: limit)
    }
  }

  /// Shuffled bytes are grouped by their place in the element; what is left over stays at the end.
  private func unshuffle(_ bytes: [UInt8], _ itemSize: Int) -> [UInt8] {
    let count = bytes.count / itemSize
    guard itemSize > 1, count > 1 else { return bytes }
    var result = bytes
    for byte in 0..<itemSize {
      for element in 0..<count { result[element * itemSize + byte] = bytes[byte * count + element] }
    }
    return result
  }

  /// Drops the checksum at the end after comparing it.
  private func checked(_ bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count >= 4 else { throw CheckpointError("a chunk is too short for its checksum") }
    let data = bytes.dropLast(4)
    let stored = bytes.suffix(4).reversed().reduce(UInt32(0)) { ($0 << 8) | UInt32($1) }
    let found = Self.fletcher32(data)
    // Versions before 1.6.3 wrote the two halves' bytes swapped.
    let swapped =
      ((found & 0xFF00_FF00) >> 8) | ((found & 0x00FF_00FF) << 8)
    guard stored == found || stored == swapped else {
      throw CheckpointError(
        "a chunk's Fletcher-32 checksum is \(hexadecimal(found)), the file says "
          + hexadecimal(stored),
        advice: "the data is damaged; fetch or save it again")
    }
    return Array(data)
  }

  /// HDF5's Fletcher-32 over big-endian 16-bit words (H5checksum.c).
  static func fletcher32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var (sum1, sum2): (UInt32, UInt32) = (0, 0)
    var index = bytes.startIndex
    var words = bytes.count / 2
    while words > 0 {
      // As many words as two 32-bit sums hold before they must be reduced.
      let block = min(words, 360)
      words -= block
      for _ in 0..<block {
        sum1 &+= (UInt32(bytes[index]) << 8) | UInt32(bytes[index + 1])
        sum2 &+= sum1
        index += 2
      }
      sum1 = (sum1 & 0xFFFF) &+ (sum1 >> 16)
      sum2 = (sum2 & 0xFFFF) &+ (sum2 >> 16)
    }
    if bytes.count % 2 == 1 {
      sum1 &+= UInt32(bytes[index]) << 8
      sum2 &+= sum1
      sum1 = (sum1 & 0xFFFF) &+ (sum1 >> 16)
      sum2 = (sum2 & 0xFFFF) &+ (sum2 >> 16)
    }
    sum1 = (sum1 & 0xFFFF) &+ (sum1 >> 16)
    sum2 = (sum2 & 0xFFFF) &+ (sum2 >> 16)
    return (sum2 << 16) | sum1
  }
}
