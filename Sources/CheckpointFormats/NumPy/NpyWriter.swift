import Bytes
import CheckpointCore

/// Writes what `np.save` writes: one array, whose name is lost.
struct NpyWriter: CheckpointWriter {
  let format = FormatName.npy

  func prepare(_ tensors: [OutputTensor]) throws -> [String] {
    guard tensors.count == 1 else {
      throw CheckpointError(
        "an npy file holds one array, not \(tensors.count)",
        advice: "write npz, or choose one tensor with --include")
    }
    let tensor = tensors[0]
    return NpyDescriptor.rawNotes(tensors)
      + (tensor.name.isEmpty ? [] : ["npy has no names: \(tensor.name) is written without its own"])
  }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    let header = NpyHeader.bytes(dtype: tensors[0].dtype, shape: tensors[0].shape)
    try file.writeChecked(header.span, at: 0)
    try file.write([PlacedTensor(tensor: tensors[0], offset: header.count)], work: work)
  }
}
