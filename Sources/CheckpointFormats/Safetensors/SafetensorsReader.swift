import Bytes
import CheckpointCore

/// A safetensors file: `SafetensorsHeader` describes it.
///
/// Shared tensors are stored once; `safetensors.torch.save_model` and this tool record the other
/// names in the metadata, `{other name: stored name}`, and they are listed again here.
struct SafetensorsReader: StoredCheckpointReader {
  let format = FormatName.safetensors
  let formatDescription = "safetensors"
  let contents: StoredTensors
  let metadata: [(key: String, value: String)]

  init(_ file: RandomAccessFile) throws {
    let header = try SafetensorsHeader(file)
    let data = FileSource(
      file: file, offset: header.dataOffset, size: file.size - header.dataOffset)
    var contents = StoredTensors()
    var layouts: [TensorName: ElementLayout] = [:]
    for tensor in header.tensors {
      guard case .known(let dtype) = tensor.type else {
        try contents.addPlaceholder(
          tensor.name, .data,
          "\(tensor.typeName) \(tensor.shape): elements of less than a byte have no type here")
        continue
      }
      let layout = ElementLayout(
        dtype: dtype, shape: tensor.shape, byteOffset: tensor.range.lowerBound,
        strides: tensor.shape.strides)
      layouts[tensor.name] = layout
      try contents.add(tensor.name, layout, in: data, key: "data")
    }
    // "format" names the framework that wrote the file.
    for (key, value) in header.metadata where key != "format" {
      let (alias, name) = (TensorName(key), TensorName(value))
      if layouts[alias] == nil, let layout = layouts[name] {
        try contents.add(alias, layout, in: data, key: "data")
      }
    }
    self.contents = contents
    metadata = header.metadata
  }
}
