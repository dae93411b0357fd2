import Bytes
import CheckpointCore

/// Writes what `np.savez` writes, with each array's elements on a 64-byte boundary.
struct NpzWriter: CheckpointWriter {
  let format = FormatName.npz

  func prepare(_ tensors: [OutputTensor]) throws -> [String] {
    var notes = NpyDescriptor.rawNotes(tensors)
    let aliases = tensors.count { $0.aliasOf != nil }
    if aliases > 0 {
      notes.append("npz has no shared storage: \(aliases) aliases are written as copies")
    }
    return notes
  }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let members = tensors.map { tensor in
      StoredZipWriter.Member(
        name: "\(tensor.name).npy",
        header: NpyHeader.bytes(dtype: tensor.dtype, shape: tensor.shape),
        tensor: tensor.aliasOf.flatMap { byName[$0] } ?? tensor)
    }
    try StoredZipWriter.write(members, to: file, work: work)
  }
}
