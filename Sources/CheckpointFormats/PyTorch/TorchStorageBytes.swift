import Bytes
import CheckpointCore

/// A storage that was pickled outside `torch.save`: a legacy file (`TorchLegacyReader`) in bytes, whose
/// object is the storage and whose data is behind the pickles.
enum TorchStorageBytes {
  /// - Parameter key: what tells the storage from others of the pickle.
  static func decode(_ bytes: ArraySlice<UInt8>, key: String) throws -> TorchStorageRecord {
    var rest = bytes
    func next() throws -> PickleTree {
      let (tree, length) = try PickleMachine.decode(rest)
      rest = rest.dropFirst(length)
      return tree
    }
    guard TorchLegacyReader.isMagic(try next()) else {
      throw CheckpointError("its storage does not begin as torch.save begins one")
    }
    // The protocol's version, and what machine wrote it.
    for _ in 0..<2 { _ = try next() }
    let object = try next()
    guard let root = object.root else { throw CheckpointError("its storage is empty") }
    var record = try TorchTensorDecoder(tree: object).storage(root)
    _ = try next()
    do {
      var reader = ByteReader(rest)
      guard try reader.readLittleEndian(Int64.self) == Int64(record.count),
        let size = record.count.multipliedChecked(by: record.dtype?.itemSize ?? 1),
        reader.remaining == size
      else {
        throw CheckpointError(
          "its storage of \(record.count) elements has \(reader.remaining) bytes",
          advice: "the file is damaged; save it again")
      }
      record.bytes = try reader.read(size)
    } catch let error as ByteReader.Truncated {
      throw CheckpointError(error, reading: "a storage")
    }
    record.key = key
    return record
  }
}
