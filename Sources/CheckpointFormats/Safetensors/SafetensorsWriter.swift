import Bytes
import CheckpointCore

/// Writes safetensors files: `SafetensorsHeader` describes them.
///
/// Tensors with wider elements come first, so that all are aligned; otherwise the order stays. The
/// header is padded with spaces to a multiple of 8 bytes.
struct SafetensorsWriter: CheckpointWriter {
  let format = FormatName.safetensors

  func prepare(_ tensors: [OutputTensor]) throws -> [String] {
    let keys: Set<TensorName> = ["format", TensorName(SafetensorsMetadata.aliasesKey)]
    for tensor in tensors
    where tensor.name == "__metadata__" || (keys.contains(tensor.name) && tensor.aliasOf != nil) {
      throw CheckpointError(
        entry: tensor.name, "safetensors keeps this name for itself",
        advice: "choose another format with --to, or leave it out with --exclude")
    }
    let unnamed = tensors.filter {
      SafetensorsDType.name(of: $0.dtype) == nil || $0.dtype.isPacked && $0.shape.rank == 0
    }
    guard unnamed.isEmpty else {
      throw CheckpointError(
        entry: unnamed[0].name,
        "safetensors has no name for \(unnamed[0].dtype) (\(unnamed.count) tensors)",
        advice: "choose another format with --to, or leave them out with --exclude")
    }
    let aliases = tensors.count { $0.aliasOf != nil }
    return aliases == 0
      ? []
      : [
        "safetensors has no shared storage: \(aliases) aliases are kept as names in the metadata, "
          + "as safetensors.torch.save_model does, and restored when this file is converted"
      ]
  }

  /// Everything: a string as it is, anything else as JSON, under a key that no tensor's second name has.
  func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] {
    var taken = Set(tensors.lazy.filter { $0.aliasOf != nil }.map(\.name))
    taken.insert(TensorName(SafetensorsMetadata.aliasesKey))
    return values.filter { taken.insert(TensorName($0.key)).inserted }
  }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    let own = tensors.filter { $0.aliasOf == nil }.enumerated().sorted {
      ($1.element.dtype.itemSize, $0.offset) < ($0.element.dtype.itemSize, $1.offset)
    }.map(\.element)
    var offset = 0
    var members: [JSONValue.Member] = [
      .init("__metadata__", .object(metadata(tensors, values)))
    ]
    var offsets: [Int] = []
    for tensor in own {
      members.append(
        .init(
          tensor.name.text,
          .object([
            "dtype": .string(SafetensorsDType.name(of: tensor.dtype) ?? ""),
            "shape": .ints(SafetensorsDType.dimensions(tensor.dtype, tensor.shape)),
            "data_offsets": .ints([offset, offset + tensor.byteCount]),
          ])))
      offsets.append(offset)
      offset += tensor.byteCount
    }
    var json = Array(JSONValue.object(members).serialized().utf8)
    json += [UInt8](repeating: 0x20, count: json.count.roundedUp(toMultipleOf: 8) - json.count)
    guard json.count <= SafetensorsHeader.maximumLength else {
      throw CheckpointError(
        "\(tensors.count) tensors need a header of \(json.count) bytes; the format allows "
          + "\(SafetensorsHeader.maximumLength)")
    }
    var header: [UInt8] = []
    header.appendLittleEndian(UInt64(json.count))
    header += json
    try file.writeChecked(header.span, at: 0)
    try file.write(
      zip(own, offsets).map { PlacedTensor(tensor: $0, offset: header.count + $1) }, work: work)
  }

  /// `format` is what Hugging Face's loaders ask for; the rest are aliases with the list of them, and
  /// the values.
  private func metadata(
    _ tensors: [OutputTensor], _ values: [OutputValue]
  ) -> [JSONValue.Member] {
    let aliases = tensors.filter { $0.aliasOf != nil }.map { JSONValue.name($0.name) }
    let values = values.map { item in
      if case .string(let text) = item.value.value {
        JSONValue.Member(item.key, .string(text))
      } else {
        JSONValue.Member(item.key, .string(item.value.value.serialized()))
      }
    }
    let hasFormat = values.contains { $0.key == "format" }
    return (hasFormat ? [] : [.init("format", .string("pt"))]) + values
      + (aliases.isEmpty
        ? []
        : [.init(SafetensorsMetadata.aliasesKey, .string(JSONValue.array(aliases).serialized()))])
      + tensors.compactMap { tensor in
        tensor.aliasOf.map { .init(tensor.name.text, .string($0.text)) }
      }
  }
}
