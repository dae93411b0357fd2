import Bytes
import CheckpointCore

/// A PyTorch file before 1.6: pickles one after the other, then the storages.
///
///     pickle   the magic number 0x1950a86a20f9469cfc6c
///     pickle   the protocol version, 1001
///     pickle   {"protocol_version", "little_endian", "type_sizes"}
///     pickle   the object; storages are persistent IDs
///     pickle   the list of storage keys
///     then, per key in that order: 8 bytes, the element count; the elements, little-endian
///
/// Source: torch/serialization.py, `_legacy_save` and `_legacy_load`.
struct TorchLegacyReader: StoredCheckpointReader {
  let format = FormatName.torch
  let formatDescription = "PyTorch legacy pickle"
  let contents: StoredTensors

  /// The magic number as LONG1 writes it.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  /// As protocols 0 and 1 do.
  private static let decimalMagic = Array("L119547037146038801333356L".utf8)
  private static let protocolVersion = 1001

  static func matches(_ prefix: [UInt8]) -> Bool {
    if prefix.starts(with: decimalMagic) { return true }
    // PROTO and its version, perhaps FRAME and its length, then LONG1, ten bytes and STOP.
    let number = [PickleOpcode.long1.rawValue, UInt8(magic.count)] + magic
    return prefix.dropFirst(2).starts(with: number) || prefix.dropFirst(11).starts(with: number)
  }

  /// Whether a pickle is the magic number.
  static func isMagic(_ tree: PickleTree) -> Bool {
    guard let root = tree.root, case .bigInt(let bytes) = tree[root] else { return false }
    return bytes == magic
  }

  init(_ file: RandomAccessFile) throws {
    var pickles = PickleSequence(file)
    _ = try pickles.next()
    let version = try pickles.next()
    guard let number = version.root.flatMap({ version.int($0) }), number == Self.protocolVersion
    else {
      throw CheckpointError(
        "the protocol version of this legacy file is not \(Self.protocolVersion)")
    }
    _ = try pickles.next()
    let object = try pickles.next()
    let keys = try pickles.next()
    guard let root = keys.root, let list = keys.items(ofSequence: root) else {
      throw CheckpointError("the list of storage keys is missing")
    }
    let order = list.compactMap { keys.text($0) }
    var contents = StoredTensors()
    let storages = try Self.locate(order, try Self.itemSizes(object), file, pickles.position)
    try TorchContents.collect(object, into: &contents, isBigEndian: false) { record, tensor in
      guard let source = storages[TensorName(record.key)] else {
        throw CheckpointError(
          entry: tensor, "its storage \(record.key) is not in the file",
          advice: "the file is damaged; fetch or save it again")
      }
      return source
    }
    self.contents = contents
  }

  /// Bytes per element of each storage, from every persistent ID of the object.
  private static func itemSizes(_ tree: PickleTree) throws -> [TensorName: Int] {
    var sizes: [TensorName: Int] = [:]
    for id in tree.allIDs {
      guard case .persistent(let inner) = tree[id], let parts = tree.items(ofSequence: inner),
        parts.count >= 5, tree.text(parts[0]) == "storage", case .global(let type) = tree[parts[1]],
        let key = tree.text(parts[2])
      else { continue }
      if let dtype = TorchGlobal.storageType(type) {
        sizes[TensorName(key)] = dtype?.itemSize ?? 1
      } else if let size = TorchGlobal.quantizedItemSize(type.name) {
        sizes[TensorName(key)] = size
      }
    }
    return sizes
  }

  private static func locate(
    _ keys: [String], _ itemSizes: [TensorName: Int], _ file: RandomAccessFile, _ start: Int
  ) throws -> [TensorName: FileSource] {
    var cursor = FileCursor(file, at: start)
    var result: [TensorName: FileSource] = [:]
    for key in keys {
      guard let itemSize = itemSizes[TensorName(key)] else {
        throw CheckpointError(
          entry: key, "this storage's type is not known, so what follows it cannot be found")
      }
      let count = try cursor.readLittleEndian(Int64.self, "the size of storage \(key)")
      guard let bytes = Int(count).multipliedChecked(by: itemSize), count >= 0 else {
        throw CheckpointError(entry: key, "a storage of \(count) elements")
      }
      let offset = try cursor.skip(bytes, "storage \(key)")
      result[TensorName(key)] = FileSource(file: file, offset: offset, size: bytes)
    }
    guard cursor.remaining == 0 else {
      throw CheckpointError(
        "\(cursor.remaining) bytes follow the last storage of this legacy file, which would not be read",
        advice: "one file can hold one checkpoint: load each with torch.load and save it by itself")
    }
    return result
  }
}

/// Pickles one after the other in a file whose rest is data.
struct PickleSequence {
  private let file: RandomAccessFile
  /// Where the next pickle begins.
  private(set) var position: Int
  private let end: Int

  /// A pickle's length is known only once it is decoded; most fit the first try.
  private static let firstTry = 1 << 20
  private static let maximumSize = 1 << 30

  init(_ file: RandomAccessFile, range: Range<Int>? = nil) {
    self.file = file
    position = range?.lowerBound ?? 0
    end = range?.upperBound ?? file.size
  }

  mutating func next() throws -> PickleTree {
    guard position < end else {
      throw CheckpointError(
        "a pickle is missing at byte \(position)",
        advice: "the file is truncated or damaged; fetch or save it again")
    }
    var size = min(Self.firstTry, end - position)
    while true {
      let bytes: [UInt8]
      do {
        bytes = try file.read(at: position, count: size)
      } catch {
        throw CheckpointError(error)
      }
      do {
        let (tree, length) = try PickleMachine.decode(bytes[...])
        position += length
        return tree
      } catch let error as CheckpointError {
        // Cut short by this window, or really damaged: the larger window tells.
        guard size < end - position, size < Self.maximumSize else { throw error }
        size = min(4 * size, end - position)
      }
    }
  }

  /// Passes over data between pickles.
  mutating func skip(_ count: Int) { position += count }
}
