import Bytes
import CheckpointCore

/// A Flax msgpack file: what `flax.serialization.msgpack_serialize` and `to_bytes` write.
///
/// Nested maps from names to arrays; lists and tuples are maps with the keys "0", "1", ….
///
///     extension 1   an array: MessagePack of [shape, dtype name, elements in C order]
///     extension 2   a Python complex: [real, imaginary]
///     extension 3   a NumPy scalar, encoded as an array of shape ()
///     {"__msgpack_chunked_array__": true, "shape": {"0": …}, "chunks": {"0": …, "1": …}}
///                   an array of more than 1 GiB, flattened and split
///
/// Source: flax/serialization.py.
struct FlaxReader: StoredCheckpointReader {
  let format = FormatName.flax
  let formatDescription = "Flax msgpack"
  let contents: StoredTensors

  /// A map whose first key is a name or a number, or a bare array.
  static func matches(_ prefix: [UInt8]) -> Bool {
    guard let first = prefix.first else { return false }
    switch first {
    case 0x80: return prefix.count == 1
    case 0x81...0x8F: return isKey(prefix.dropFirst().first)
    case 0xDE: return isKey(prefix.dropFirst(3).first)
    case 0xDF: return isKey(prefix.dropFirst(5).first)
    case 0xD4...0xD8: return isArrayType(prefix.dropFirst().first)
    case 0xC7: return isArrayType(prefix.dropFirst(2).first)
    case 0xC8: return isArrayType(prefix.dropFirst(3).first)
    case 0xC9: return isArrayType(prefix.dropFirst(5).first)
    default: return false
    }
  }

  private static func isKey(_ byte: UInt8?) -> Bool {
    guard let byte else { return false }
    return switch byte {
    case 0x00...0x7F, 0xA0...0xBF, 0xC4...0xC6, 0xCC...0xD3, 0xD9...0xDB: true
    default: false
    }
  }

  private static func isArrayType(_ byte: UInt8?) -> Bool { byte == 1 || byte == 3 }

  /// `nil` where the first bytes fit MessagePack by chance: they are no strong signature.
  static func open(_ file: RandomAccessFile, prefix: [UInt8]) throws -> FlaxReader? {
    do {
      return try FlaxReader(file)
    } catch let error as CheckpointError {
      let isName = prefix.dropFirst().prefix(5).contains {
        (0xA1...0xBF).contains($0) || $0 == 0xD9
      }
      if isName { throw error }
      return nil
    }
  }

  init(_ file: RandomAccessFile) throws {
    let tree = try MessagePackDecoder.decode(file) {
      $0 == FlaxEncoding.arrayType || $0 == FlaxEncoding.scalarType
    }
    var walker = FlaxTreeWalker(file, tree)
    try walker.walk(0, "", depth: 0)
    contents = walker.contents
  }
}

/// The names of Flax's encoding, shared by the reader and the writer.
enum FlaxEncoding {
  static let arrayType: Int8 = 1
  static let complexType: Int8 = 2
  static let scalarType: Int8 = 3
  static let chunkedKey = "__msgpack_chunked_array__"
  /// Arrays beyond this many bytes are split (`MAX_CHUNK_SIZE`).
  static let maximumChunkSize = 1 << 30
}
