import Bytes
import CheckpointCore

/// Writes what `torch.save` writes: `TorchZipReader` describes the container.
///
/// The folder is always `archive`, the name PyTorch gives when it writes to a stream, so that the
/// bytes do not depend on the output's path. Aliases share the storage of the tensor they name.
struct TorchZipWriter: CheckpointWriter {
  let format = FormatName.torch
  private static let root = "archive/"

  func prepare(_ tensors: [OutputTensor]) throws -> [String] {
    if let unnamed = tensors.first(where: { $0.name.isEmpty }), tensors.count > 1 {
      throw CheckpointError(
        entry: unnamed.name, "a tensor without a name cannot stand beside others in a state dict")
    }
    return []
  }

  /// What stood among the tensors: what is said of a file would be an entry that no model expects.
  func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] {
    let names = Set(tensors.map(\.name))
    guard !names.contains("") else { return [] }
    return values.filter { !$0.value.isMetadata && !names.contains($0.name) }
  }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    var numbers: [TensorName: Int] = [:]
    var storages: [StoredZipWriter.Member] = []
    let items = tensors.map { tensor in
      let number = tensor.aliasOf.flatMap { numbers[$0] } ?? storages.count
      if number == storages.count {
        storages.append(.init(name: Self.root + "data/\(number)", tensor: tensor))
      }
      numbers[tensor.name] = number
      return TorchPickleWriter.Item(tensor: tensor, storage: number)
    }
    func text(_ name: String, _ content: String) -> StoredZipWriter.Member {
      .init(name: Self.root + name, header: Array(content.utf8))
    }
    let members =
      [
        StoredZipWriter.Member(
          name: Self.root + "data.pkl", header: TorchPickleWriter.pickle(items, values)),
        text(".format_version", "1"), text(".storage_alignment", "64"),
        text("byteorder", "little"),
      ] + storages + [text("version", "3\n")]
    let id = StoredZipWriter.Trailer(
      name: Self.root + ".data/serialization_id", size: 40,
      content: { Self.serializationID(members.map(\.name), $0) })
    try StoredZipWriter.write(members, trailer: id, to: file, work: work)
  }

  /// 20 digits that follow from the names and 20 from the checksums: as in PyTorch, equal for
  /// equal files. Nothing reads them but tools that compare files.
  private static func serializationID(_ names: [String], _ checksums: [UInt32]) -> [UInt8] {
    var nameHash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a's offset basis and prime.
    for byte in names.joined(separator: "\n").utf8 {
      nameHash = (nameHash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    var dataHash: UInt64 = 0
    for checksum in checksums { dataHash = dataHash &* 31 &+ UInt64(checksum) }
    let digits = [nameHash, dataHash].map { value in
      let text = String(value)
      return String(repeating: "0", count: 20 - text.count) + text
    }
    return Array(digits.joined().utf8)
  }
}
