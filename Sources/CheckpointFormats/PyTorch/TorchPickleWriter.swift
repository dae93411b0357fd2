import Bytes
import CheckpointCore

/// Writes the pickle of a state dict as `torch.save` does, in protocol 2.
///
/// The object is a `collections.OrderedDict` from name to tensor, and to the plain values beside
/// them; a single tensor without a name is pickled by itself. Names used more than once go through the memo.
struct TorchPickleWriter {
  private var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]
  private var memo: [String: Int] = [:]

  /// A tensor and the number of the storage it is the whole of.
  struct Item {
    let tensor: OutputTensor
    let storage: Int
  }

  static func pickle(_ items: [Item], _ values: [OutputValue]) -> [UInt8] {
    var writer = TorchPickleWriter()
    if items.count == 1, items[0].tensor.name.isEmpty {
      writer.writeTensor(items[0])
    } else {
      writer.writeEmptyOrderedDict()
      writer.put(.mark)
      for item in items {
        writer.writeText(item.tensor.name.text)
        writer.writeTensor(item)
      }
      for value in values {
        writer.writeText(value.name.text)
        writer.writeValue(value.value.value)
      }
      writer.put(.setItems)
    }
    writer.put(.stop)
    return writer.bytes
  }

  private mutating func put(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  private mutating func writeTensor(_ item: Item) {
    let tensor = item.tensor
    let storageName = TorchGlobal.storageName(of: tensor.dtype)
    writeGlobal("torch._utils", storageName == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    put(.mark)
    writeStorage(item, storageName)
    writeInt(0)
    writeTuple(tensor.shape.dimensions)
    writeTuple(tensor.shape.strides)
    put(.newFalse)
    writeEmptyOrderedDict()
    if storageName == nil { writeGlobal("torch", tensor.dtype.name) }
    put(.tuple)
    put(.reduce)
  }

  private mutating func writeValue(_ value: JSONValue) {
    switch value {
    case .null: put(.none)
    case .bool(let value): put(value ? .newTrue : .newFalse)
    case .int(let value): writeInt(value)
    case .double(let value):
      put(.binFloat)
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (56 - 8 * $0)) }
    case .string(let text): writeText(text)
    case .array(let items):
      put(.emptyList)
      put(.mark)
      for item in items { writeValue(item) }
      put(.appends)
    case .object(let members):
      put(.emptyDict)
      put(.mark)
      for member in members {
        writeText(member.key)
        writeValue(member.value)
      }
      put(.setItems)
    }
  }

  private mutating func writeStorage(_ item: Item, _ storageName: String?) {
    put(.mark)
    writeText("storage")
    if let storageName {
      writeGlobal("torch", storageName)
    } else {
      writeGlobal("torch.storage", "UntypedStorage")
    }
    writeText(String(item.storage))
    writeText("cpu")
    writeInt(storageName == nil ? item.tensor.byteCount : item.tensor.shape.count)
    put(.tuple)
    put(.binPersID)
  }

  private mutating func writeEmptyOrderedDict() {
    writeGlobal("collections", "OrderedDict")
    put(.emptyTuple)
    put(.reduce)
  }

  private mutating func writeTuple(_ values: [Int]) {
    put(.mark)
    for value in values { writeInt(value) }
    put(.tuple)
  }

  private mutating func writeInt(_ value: Int) {
    if let value = UInt8(exactly: value) {
      put(.binInt1)
      bytes.append(value)
    } else if let value = Int32(exactly: value) {
      put(.binInt)
      bytes.appendLittleEndian(value)
    } else {
      put(.long1)
      bytes.append(8)
      bytes.appendLittleEndian(value)
    }
  }

  private mutating func writeText(_ text: String) {
    put(.binUnicode)
    bytes.appendLittleEndian(UInt32(text.utf8.count))
    bytes += text.utf8
  }

  private mutating func writeGlobal(_ module: String, _ name: String) {
    let key = "\(module).\(name)"
    if let index = memo[key] {
      put(.longBinGet)
      bytes.appendLittleEndian(UInt32(index))
      return
    }
    put(.global)
    bytes += "\(module)\n\(name)\n".utf8
    put(.longBinPut)
    bytes.appendLittleEndian(UInt32(memo.count))
    memo[key] = memo.count
  }
}
