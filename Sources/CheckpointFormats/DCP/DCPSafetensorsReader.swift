import Bytes
import CheckpointCore

/// A distributed checkpoint that `HuggingFaceStorageWriter` wrote, before its files are consolidated:
///
///     shard-00001-model-00001-of-00001.safetensors   what a process wrote, one file for each
///       __metadata__  "DCP_SHARDING_INFO": {NAME: {"saved_offsets": [INDEX, …]}, …}
///
/// Where a file's tensor begins in the whole stands in `saved_offsets`; the whole reaches as far as its
/// parts do. Source: torch/distributed/checkpoint/hf_storage.py and _hf_utils.py.
struct DCPSafetensorsReader: StoredCheckpointReader {
  let format = FormatName.dcp
  let formatDescription: String
  let contents: StoredTensors

  private static let shardingKey = "DCP_SHARDING_INFO"
  /// What the writer says of itself.
  private static let ownKeys: Set = [shardingKey, "DCP_VERSION"]

  private struct Part {
    let dtype: SafetensorsDType
    let typeName: String
    let origin: [Int]
    let shape: Shape
    let file: String
    /// Where its elements are in the file.
    let range: Range<Int>
  }

  static func matches(_ folder: CheckpointFolder) -> Bool {
    (try? !shards(folder).isEmpty) ?? false
  }

  private static func shards(_ folder: CheckpointFolder) throws -> [String] {
    try folder.names().filter {
      $0.wholeMatch(of: /shard-[0-9]+-model-[0-9]+-of-[0-9]+\.safetensors/) != nil
    }
  }

  init(_ folder: CheckpointFolder) throws {
    var names: [TensorName] = []
    var parts: [TensorName: [Part]] = [:]
    var values: [TensorName: String] = [:]
    let files = try Self.shards(folder)
    for name in files {
      let file = try folder.file(name)
      let header = try inFile(file.path) { try SafetensorsHeader(file) }
      let origins = try inFile(file.path) { try Self.origins(header) }
      for tensor in header.tensors {
        guard let origin = origins[tensor.name] else {
          throw CheckpointError(
            file: file.path, entry: tensor.name,
            "\(Self.shardingKey) does not say where in the whole this part is",
            advice: "the file is damaged; fetch or save the checkpoint again")
        }
        if parts[tensor.name] == nil { names.append(tensor.name) }
        let start = header.dataOffset + tensor.range.lowerBound
        parts[tensor.name, default: []].append(
          Part(
            dtype: tensor.type, typeName: tensor.typeName, origin: origin, shape: tensor.shape,
            file: name, range: start..<start + tensor.range.count))
      }
      for (key, value) in header.metadata where !Self.ownKeys.contains(key) {
        values[SafetensorsMetadata.listed(key)] = value
      }
    }
    var contents = StoredTensors()
    for name in names { try Self.add(name, parts[name] ?? [], folder, &contents) }
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      try contents.addValue(name, .string(value), isMetadata: true)
    }
    self.contents = contents
    formatDescription =
      "PyTorch distributed checkpoint in safetensors, \(files.count) file"
      + (files.count == 1 ? "" : "s")
  }

  private static func origins(_ header: SafetensorsHeader) throws -> [TensorName: [Int]] {
    let problem = CheckpointError(
      "its metadata has no valid \(shardingKey), by which a distributed checkpoint's parts are joined",
      advice: "the file is damaged, or no part of such a checkpoint; fetch or save it again")
    guard let text = header.metadata.first(where: { $0.key == shardingKey })?.value,
      case .object(let members)? = try? JSONParser.parse(Array(text.utf8))
    else { throw problem }
    var origins: [TensorName: [Int]] = [:]
    for member in members {
      guard case .array(let items)? = member.value["saved_offsets"] else { throw problem }
      origins[TensorName(member.key)] = try items.map { item in
        guard case .int(let number) = item, number >= 0 else { throw problem }
        return number
      }
    }
    return origins
  }

  private static func add(
    _ name: TensorName, _ parts: [Part], _ folder: CheckpointFolder,
    _ contents: inout StoredTensors
  ) throws {
    let first = parts[0]
    guard parts.allSatisfy({ $0.typeName == first.typeName }) else {
      throw CheckpointError(
        entry: name,
        "its parts have several dtypes: "
          + Set(parts.map(\.typeName)).sorted().joined(separator: ", "),
        advice: "the checkpoint is damaged; fetch or save it again")
    }
    let rank = first.shape.rank
    let extents = try (0..<rank).map { axis in
      try parts.map { part in
        guard part.shape.rank == rank, part.origin.count == rank,
          let end = part.origin[axis].addingChecked(part.shape.dimensions[axis])
        else {
          throw CheckpointError(
            entry: name, "its part of \(part.shape) at \(part.origin) fits no whole",
            advice: "the checkpoint is damaged; fetch or save it again")
        }
        return end
      }.max() ?? 0
    }
    guard let shape = Shape(extents) else {
      throw CheckpointError(entry: name, "its size \(extents) does not fit 64 bits")
    }
    guard case .known(let dtype) = first.dtype else {
      return try contents.addPlaceholder(
        name, .data, "\(first.typeName) \(shape): elements of less than a byte have no type here")
    }
    let chunks = parts.compactMap { part in
      TensorBox(origin: part.origin, extents: part.shape.dimensions, within: shape).map {
        SafetensorsChunk(
          box: $0, dtype: dtype, file: part.file, range: part.range, folder: folder)
      }
    }
    try contents.add(name, dtype, shape, parts: chunks)
  }
}

/// A part of a tensor in a safetensors file of its own.
private struct SafetensorsChunk: TensorChunk {
  let box: TensorBox
  let dtype: DType
  let file: String
  let range: Range<Int>
  let folder: CheckpointFolder

  func open() throws -> (layout: ElementLayout, source: any StorageSource) {
    let strides = contiguousStrides(box.extents) ?? []
    let layout = ElementLayout(
      dtype: dtype, shape: Shape(box.extents) ?? .scalar, byteOffset: 0, strides: strides)
    return (
      layout,
      FileSource(file: try folder.file(file), offset: range.lowerBound, size: range.count)
    )
  }
}
