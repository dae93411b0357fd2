import Bytes
import CheckpointCore

/// The file `checkpoint`, in which Orbax wrote the tree before it had `_METADATA`, and T5X still does: as
/// Flax's MessagePack (`FlaxReader`), but an array may lie in the store, and its leaf says where.
///
///     "PLACEHOLDER://NAME", "AGGREGATED://NAME"                    Orbax
///     {"driver": "zarr", "kvstore": {…, "path": NAME}, …}          T5X: how TensorStore opens it
///     extension 4                                                  a tuple: MessagePack of a list
///
/// Sources: orbax/checkpoint/utils.py, msgpack_utils.py; t5x/checkpoints.py.
enum OrbaxAggregate {
  static let fileName = "checkpoint"
  static let tupleType: Int8 = 4

  private static let prefixes = ["PLACEHOLDER://", "AGGREGATED://"]

  /// The leaves of the file, those in the store read from there.
  static func read(_ file: RandomAccessFile, _ arrays: OrbaxArrays) throws -> StoredTensors {
    let tree = try MessagePackDecoder.decode(file) {
      [FlaxEncoding.arrayType, FlaxEncoding.scalarType, tupleType].contains($0)
    }
    var walker = FlaxTreeWalker(file, tree, outside: arrays)
    try walker.walk(0, "", depth: 0)
    return walker.contents
  }

  /// Where the array of the leaf at `index` is in the store; `nil` for any other value.
  static func place(of index: Int, in tree: MessagePackTree) -> String? {
    switch tree[index].kind {
    case .string:
      guard let text = tree.text(index), let prefix = prefixes.first(where: text.hasPrefix) else {
        return nil
      }
      return String(text.dropFirst(prefix.count))
    case .map:
      func member(_ name: String, of index: Int) -> Int? {
        tree.pairs(index).first { tree.isText($0.key, name) }?.value
      }
      guard let driver = member("driver", of: index), tree.isText(driver, "zarr"),
        let store = member("kvstore", of: index), let path = member("path", of: store),
        let text = tree.text(path)
      else { return nil }
      return text.hasSuffix("/") ? String(text.dropLast()) : text
    default: return nil
    }
  }
}
