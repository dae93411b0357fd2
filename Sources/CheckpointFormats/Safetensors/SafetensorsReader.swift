import Bytes
import CheckpointCore

/// A safetensors file: `SafetensorsHeader` describes it.
///
/// The other names of shared tensors, which the metadata records, are listed as tensors again; what
/// else it says, as plain values.
struct SafetensorsReader: StoredCheckpointReader {
  let format = FormatName.safetensors
  let formatDescription = "safetensors"
  let contents: StoredTensors
  let aliases: Set<TensorName>

  init(_ file: RandomAccessFile) throws {
    let header = try SafetensorsHeader(file)
    let data = FileSource(
      file: file, offset: header.dataOffset, size: file.size - header.dataOffset)
    var contents = StoredTensors()
    contents.reserveCapacity(header.tensors.count)
    for tensor in header.tensors {
      guard let (dtype, shape) = tensor.type.elements(tensor.shape) else {
        try contents.addPlaceholder(
          tensor.name, .data,
          "\(tensor.typeName) \(tensor.shape): elements of less than a byte have no type here")
        continue
      }
      let layout = ElementLayout(
        dtype: dtype, shape: shape, byteOffset: tensor.range.lowerBound, strides: shape.strides)
      try contents.add(tensor.name, layout, in: data, key: "data")
    }
    if let name = contents.repeatedName {
      throw CheckpointError(
        entry: name, "this name appears twice in the header",
        advice: "the file is damaged; fetch or save it again")
    }
    guard !header.metadata.isEmpty else {
      (self.contents, aliases) = (contents, [])
      return
    }
    let metadata = SafetensorsMetadata(header.metadata, beside: contents)
    for (name, stored) in metadata.aliases {
      if let layout = contents.layout(of: stored) {
        try contents.add(name, layout, in: data, key: "data")
      } else {
        try contents.addPlaceholder(name, .data, "a second name of \(stored), which is not read")
      }
    }
    for (name, value, doubt) in metadata.values {
      try contents.addPlaceholder(name, .value, value.summary + doubt, value: value)
    }
    self.contents = contents
    aliases = Set(metadata.aliases.map(\.name))
  }
}
