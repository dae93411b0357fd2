import Bytes
import CheckpointCore

/// What stands around each structure of an OCDBT database:
///
///     magic        uint32, big-endian: which structure this is
///     length       uint64, little-endian: all of it, the checksum included
///     version      LEB128: 0
///     compression  LEB128: 0 none, 1 Zstandard; of the body alone
///     body
///     checksum     uint32, little-endian: CRC-32C of all before it
///
/// Source: tensorstore/kvstore/ocdbt/index.rst.
enum OCDBTEnvelope: UInt32 {
  case manifest = 0x0CDB_3A2A
  case treeNode = 0x0CDB_20DE

  private var name: String {
    switch self {
    case .manifest: "the manifest"
    case .treeNode: "a tree node"
    }
  }

  /// Bodies are of bounded size: a writer splits a node of more than 8 MiB (`max_decoded_node_bytes`)
  /// and may be told another size.
  private static let maximumBody = 256 << 20

  private static let frame = 4 + 8 + 4

  /// The body of the structure that `bytes` are, decompressed, its checksum verified.
  func open(_ bytes: [UInt8]) throws -> OCDBTCursor {
    guard bytes.count >= Self.frame + 2 else {
      throw damaged("\(bytes.count) bytes, too few for one")
    }
    var header = ByteReader(bytes)
    let magic: UInt32 = try header.readBigEndian()
    guard magic == rawValue else {
      throw damaged("it should begin with \(hexadecimal(rawValue)), found \(hexadecimal(magic))")
    }
    let length: UInt64 = try header.readLittleEndian()
    guard length == UInt64(bytes.count) else {
      throw damaged("it says it has \(length) bytes, \(bytes.count) found")
    }
    let end = bytes.count - 4
    var footer = ByteReader(bytes[end...])
    let stored: UInt32 = try footer.readLittleEndian()
    let found = CRC32C.of(bytes.span.extracting(0..<end))
    guard stored == found else {
      throw damaged("its CRC-32C is \(hexadecimal(found)), the file says \(hexadecimal(stored))")
    }
    var cursor = OCDBTCursor(bytes[12..<end], name)
    let version = try cursor.number()
    guard version == 0 else { throw damaged("version \(version) is not known, 0 is") }
    switch try cursor.number() {
    case 0: return cursor
    case 1:
      let packed = try cursor.rest()
      guard let body = Zstandard.decompress(packed.span, limit: Self.maximumBody) else {
        throw damaged("it does not decompress to at most \(Self.maximumBody) bytes")
      }
      return OCDBTCursor(body[...], name)
    case let other: throw damaged("compression \(other) is not known, 0 and 1 are")
    }
  }

  private func damaged(_ message: String) -> CheckpointError {
    CheckpointError("\(name): \(message)", advice: "the file is damaged; fetch or save it again")
  }
}
