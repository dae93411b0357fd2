import Bytes
import CheckpointCore

/// A storage as a persistent ID describes it: `('storage', class, key, location, size)`.
struct TorchStorageRecord: Sendable {
  var key: String
  /// `nil` for an untyped storage.
  let dtype: DType?
  /// In elements, or in bytes for an untyped storage.
  let count: Int
  /// A legacy file's view into another storage: its offset in elements of that storage.
  var viewOffset = 0
  /// The class as the pickle names it.
  let className: String
  /// The elements, where they stand in the pickle itself.
  var bytes: ArraySlice<UInt8>?
}

/// A tensor as its rebuild function's arguments describe it.
struct TorchTensorRecord: Sendable {
  let storage: TorchStorageRecord
  let dtype: DType
  let shape: Shape
  let offset: Int
  let strides: [Int]
  let isConjugated: Bool
  let isNegated: Bool

  /// How the elements lie in the storage; `isBigEndian` is the file's byte order.
  func layout(isBigEndian: Bool) throws -> ElementLayout {
    guard let first = offset.addingChecked(storage.viewOffset),
      let byteOffset = first.multipliedChecked(by: dtype.itemSize),
      shape.count.multipliedChecked(by: dtype.itemSize) != nil
    else { throw CheckpointError("its offset \(offset) and shape \(shape) do not fit 64 bits") }
    return ElementLayout(
      dtype: dtype, shape: shape, byteOffset: byteOffset, strides: strides,
      isBigEndian: isBigEndian, isConjugated: isConjugated, isNegated: isNegated)
  }
}

/// Reads the arguments of the rebuild functions on the allow-list.
struct TorchTensorDecoder {
  let tree: PickleTree

  /// Why a tensor cannot be represented: it becomes a placeholder.
  struct Unsupported: Error {
    let reason: String
  }

  func decode(_ function: TorchGlobal, _ arguments: [PickleTree.ID]) throws -> TorchTensorRecord {
    let isV3 = if case .rebuildTensorV3 = function { true } else { false }
    guard arguments.count >= 4, let offset = tree.int(arguments[1]), offset >= 0,
      let size = tree.ints(arguments[2]), let strides = tree.ints(arguments[3]),
      let shape = Shape(size), strides.count == size.count, strides.allSatisfy({ $0 >= 0 })
    else {
      throw CheckpointError(
        "its rebuild arguments are not (storage, offset, size, stride)",
        advice: "the file is damaged; save it again")
    }
    let storage = try storage(arguments[0])
    let dtype = try elementType(storage, arguments, isV3: isV3)
    let metadata = arguments.count > (isV3 ? 7 : 6) ? arguments[isV3 ? 7 : 6] : nil
    let flags = try valueBits(metadata)
    guard !flags.negated || !(dtype.isInteger || dtype == .bool) else {
      throw Unsupported(reason: "a \(dtype) tensor with the negative bit set")
    }
    return TorchTensorRecord(
      storage: storage, dtype: dtype, shape: shape, offset: offset, strides: strides,
      isConjugated: flags.conjugated && dtype.isComplex, isNegated: flags.negated)
  }

  private func elementType(
    _ storage: TorchStorageRecord, _ arguments: [PickleTree.ID], isV3: Bool
  ) throws -> DType {
    if isV3 {
      guard arguments.count >= 7, case .global(let global) = tree[arguments[6]] else {
        throw CheckpointError("its rebuild arguments name no dtype")
      }
      guard let dtype = TorchGlobal.dtype(global) else {
        throw Unsupported(reason: "a tensor of \(global), which has no element type here")
      }
      return dtype
    }
    guard let dtype = storage.dtype else {
      throw CheckpointError("an untyped storage where a typed one belongs")
    }
    return dtype
  }

  /// The conjugate and negative bits of a tensor's metadata. Ignoring them would give wrong values
  /// without a sign of it, so any other entry that is set is refused.
  private func valueBits(
    _ metadata: PickleTree.ID?
  ) throws -> (conjugated: Bool, negated: Bool) {
    guard let metadata else { return (false, false) }
    if case .none = tree[metadata] { return (false, false) }
    guard let pairs = tree.pairs(metadata) else {
      throw Unsupported(reason: "a tensor with metadata that is not a dict")
    }
    var (conjugated, negated) = (false, false)
    for (key, value) in pairs {
      let isSet = tree.int(value) != 0
      switch tree.text(key) {
      case "conj": conjugated = isSet
      case "neg": negated = isSet
      case let other:
        throw Unsupported(reason: "a tensor with the unknown metadata '\(other ?? "?")'")
      }
    }
    return (conjugated, negated)
  }

  func storage(_ id: PickleTree.ID) throws -> TorchStorageRecord {
    if case .object(let object) = tree[id],
      case .storageBytes? = tree.global(of: object).flatMap({ TorchGlobal($0) })
    {
      let arguments = tree.items(ofSequence: tree[object].arguments) ?? []
      guard let bytes = arguments.first.flatMap({ NumPyPickle(tree: tree).rawBytes($0) }) else {
        throw Unsupported(reason: "a tensor whose storage is not in the pickle")
      }
      return try TorchStorageBytes.decode(bytes, key: "\(id.index)")
    }
    guard case .persistent(let persistent) = tree[id],
      let parts = tree.items(ofSequence: persistent), parts.count >= 5,
      tree.text(parts[0]) == "storage", case .global(let type) = tree[parts[1]],
      let key = tree.text(parts[2]), let count = tree.int(parts[4]), count >= 0
    else {
      throw CheckpointError(
        "its storage is not ('storage', type, key, location, size)",
        advice: "the file is damaged; save it again")
    }
    if TorchGlobal.quantizedItemSize(type.name) != nil {
      throw Unsupported(reason: "a tensor of quantized elements (\(type))")
    }
    guard let dtype = TorchGlobal.storageType(type) else {
      throw Unsupported(reason: "a tensor whose storage is the unknown \(type)")
    }
    var record = TorchStorageRecord(key: key, dtype: dtype, count: count, className: "\(type)")
    if parts.count >= 6, let view = tree.items(ofSequence: parts[5]), view.count >= 2,
      let offset = tree.int(view[1]), offset >= 0
    {
      record.viewOffset = offset
    }
    return record
  }
}
