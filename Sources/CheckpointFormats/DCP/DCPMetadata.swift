import Bytes
import CheckpointCore

/// What the `.metadata` of a distributed checkpoint says, from the objects that its pickle describes.
///
///     Metadata(state_dict_metadata, planner_data, storage_data, storage_meta, version)
///       state_dict_metadata  {FQN: TensorStorageMetadata | BytesStorageMetadata}
///       storage_data         {MetadataIndex(fqn, offset, index): _StorageInfo}
///     TensorStorageMetadata(properties, size, chunks)
///       properties           TensorProperties, whose state is (dtype, layout, …)
///       chunks               [ChunkStorageMetadata(offsets, sizes)]
///     _StorageInfo(relative_path, offset, length, transform_descriptors=None)
///
/// Source: torch/distributed/checkpoint/metadata.py and filesystem.py, version 1.0.0; the classes have
/// had other modules, the same names.
struct DCPMetadata {
  /// A part of a tensor, or an object, in a file.
  struct Storage {
    let path: TensorName
    let range: Range<Int>
    /// What a stream extension made of the data, such as a compression.
    let transforms: [String]
  }

  struct Chunk {
    let origin: [Int]
    let extents: [Int]
    let storage: Storage
  }

  struct Tensor {
    /// `nil` for one that has no element type here; `typeName` says which.
    let dtype: DType?
    let typeName: String
    let shape: [Int]
    var chunks: [Chunk]
  }

  enum Item {
    case tensor(Tensor)
    /// A Python object, pickled by itself.
    case object(Storage)
  }

  /// In the order of the state dict.
  let items: [(name: TensorName, item: Item)]
  /// Every place of a file that has an entry, in no order.
  let storages: [Storage]

  static let fileName = ".metadata"

  /// A part, or an object.
  struct Index: Hashable {
    let name: TensorName
    let origin: [Int]?
  }

  /// Whether a pickle describes a distributed checkpoint's metadata.
  static func matches(_ tree: PickleTree) -> Bool {
    guard let root = tree.root, case .object(let object) = tree[root],
      let global = tree.global(of: object)
    else { return false }
    return global.name == "Metadata" && global.module.hasPrefix("torch.distributed.")
  }

  init(_ tree: PickleTree) throws {
    guard Self.matches(tree), let root = tree.root, let parts = Self.attributes(tree, root),
      let state = parts["state_dict_metadata"].flatMap({ tree.pairs($0) })
    else {
      throw CheckpointError(
        "this is not the metadata of a distributed checkpoint: a Metadata object with a "
          + "state_dict_metadata is expected",
        advice: "fetch or save the checkpoint again")
    }
    let places = try Self.storages(tree, parts["storage_data"])
    storages = Array(places.values)
    items = try state.map { key, value in
      guard let name = tree.text(key).map({ TensorName($0) }) else {
        throw Self.damaged("a name that is no string")
      }
      do {
        return (name, try Self.item(tree, name, value, places))
      } catch let error as CheckpointError {
        throw error.inEntry(name.text)
      }
    }
  }

  private static func storages(
    _ tree: PickleTree, _ id: PickleTree.ID?
  ) throws -> [Index: Storage] {
    guard let pairs = id.flatMap({ tree.pairs($0) }) else { throw damaged("no storage_data") }
    var storages: [Index: Storage] = [:]
    for (key, value) in pairs {
      guard let index = attributes(tree, key), let info = attributes(tree, value),
        let name = index["fqn"].flatMap({ tree.text($0) }),
        let path = info["relative_path"].flatMap({ tree.text($0) }),
        let offset = info["offset"].flatMap({ tree.int($0) }), offset >= 0,
        let length = info["length"].flatMap({ tree.int($0) }), length >= 0,
        let end = offset.addingChecked(length)
      else { throw damaged("an entry of storage_data without a name, a path and a range") }
      let transforms = info["transform_descriptors"].flatMap { tree.items(ofSequence: $0) } ?? []
      let storage = Storage(
        path: TensorName(path), range: offset..<end,
        transforms: transforms.map { tree.text($0) ?? "?" })
      let place = Index(
        name: TensorName(name), origin: index["offset"].flatMap { tree.ints($0) })
      guard storages.updateValue(storage, forKey: place) == nil else {
        throw damaged("two places of storage for one part").inEntry(name)
      }
    }
    return storages
  }

  private static func item(
    _ tree: PickleTree, _ name: TensorName, _ value: PickleTree.ID, _ storages: [Index: Storage]
  ) throws -> Item {
    guard case .object(let object) = tree[value], let kind = tree.global(of: object)?.name else {
      throw damaged("an entry that is no object")
    }
    if kind == "BytesStorageMetadata" {
      guard let storage = storages[Index(name: name, origin: nil)] else {
        throw damaged("storage_data does not say where this object is")
      }
      return .object(storage)
    }
    guard kind == "TensorStorageMetadata", let parts = attributes(tree, value),
      let shape = parts["size"].flatMap({ tree.ints($0) }),
      let list = parts["chunks"].flatMap({ tree.items(ofSequence: $0) }),
      let type = parts["properties"].flatMap({ elementType(tree, $0) })
    else { throw damaged("neither a tensor with its properties, size and chunks nor an object") }
    let chunks = try list.map { chunk in
      guard let parts = attributes(tree, chunk),
        let origin = parts["offsets"].flatMap({ tree.ints($0) }),
        let extents = parts["sizes"].flatMap({ tree.ints($0) })
      else { throw damaged("a chunk without offsets and sizes") }
      guard let storage = storages[Index(name: name, origin: origin)] else {
        throw damaged("storage_data does not say where the part at \(origin) is")
      }
      return Chunk(origin: origin, extents: extents, storage: storage)
    }
    return .tensor(
      Tensor(
        dtype: TorchGlobal.dtype(type), typeName: "\(type)", shape: shape, chunks: chunks))
  }

  /// The dtype is the first of a TensorProperties' state, or, where its class has no state of its own,
  /// an attribute.
  private static func elementType(
    _ tree: PickleTree, _ properties: PickleTree.ID
  ) -> PickleTree.Global? {
    guard case .object(let object) = tree[properties], let state = tree[object].state else {
      return nil
    }
    let dtype =
      tree.items(ofSequence: state)?.first ?? attributes(tree, properties)?["dtype"]
    guard let dtype, case .global(let global) = tree[dtype] else { return nil }
    return global
  }

  /// The attributes of a data class, by name.
  private static func attributes(
    _ tree: PickleTree, _ id: PickleTree.ID
  ) -> [String: PickleTree.ID]? {
    guard case .object(let object) = tree[id],
      let pairs = tree[object].state.flatMap({ tree.pairs($0) })
    else { return nil }
    return Dictionary(
      pairs.compactMap { pair in tree.text(pair.key).map { ($0, pair.value) } },
      uniquingKeysWith: { _, last in last })
  }

  private static func damaged(_ what: String) -> CheckpointError {
    CheckpointError(
      "the checkpoint's \(fileName) is damaged: \(what)",
      advice: "fetch or save the checkpoint again")
  }
}
