import Bytes
import CheckpointCore

/// A PyTorch distributed checkpoint: the folder that `torch.distributed.checkpoint.save` writes.
///
///     .metadata           a pickle that says what there is and where (`DCPMetadata`)
///     __RANK.metadata     the same of what one process wrote, where none wrote the whole's
///     __RANK_N.distcp     what a process wrote: one `torch.save` archive after the other, each a part
///                         of a tensor or a Python object
///
/// With the safetensors serialization a file holds the objects and then one safetensors file, in which
/// a tensor's part stands under the tensor's name. What a stream extension has changed (compressed,
/// say) is listed and not read.
///
/// Every byte of a file must belong to an entry, and the parts of a tensor must cover it, each element
/// once. Source: torch/distributed/checkpoint/filesystem.py.
struct DCPReader: StoredCheckpointReader {
  let format = FormatName.dcp
  let formatDescription: String
  let contents: StoredTensors

  /// A hundred thousand tensors, each in a thousand parts, take more than any `.metadata` in use.
  private static let maximumMetadata = 1 << 30

  private static let dataExtension = ".distcp"

  /// Files of data without the metadata are one, too: a damaged one.
  static func matches(_ folder: CheckpointFolder) -> Bool {
    if folder.contains(DCPMetadata.fileName) {
      return !folder.containsFolder(DCPMetadata.fileName)
    }
    return (try? folder.names().contains { $0.hasSuffix(dataExtension) }) ?? false
  }

  /// - Throws: `CheckpointError` where a file is a part of such a checkpoint, which says nothing of the
  ///   whole: a file may be one archive with one part of one tensor.
  static func refusePart(_ path: String) throws {
    guard path.hasSuffix(dataExtension) else { return }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    throw CheckpointError(
      "this is one file of the distributed checkpoint in \(folder)", advice: "name the folder")
  }

  init(_ folder: CheckpointFolder) throws {
    let metadata = try Self.metadata(in: folder)
    let files = try DCPFiles(metadata, in: folder)
    var contents = StoredTensors()
    for (name, item) in metadata.items {
      switch item {
      case .object(let storage): try Self.add(name, storage, files, &contents)
      case .tensor(let tensor): try Self.add(name, tensor, files, &contents)
      }
    }
    self.contents = contents
    formatDescription =
      "PyTorch distributed checkpoint, \(files.count) file\(files.count == 1 ? "" : "s")"
  }

  private static func metadata(in folder: CheckpointFolder) throws -> DCPMetadata {
    func read(_ name: String) throws -> DCPMetadata {
      try inFile(folder.path(of: name)) { try metadata(try folder.file(name)) }
    }
    guard !folder.isPresent(DCPMetadata.fileName) else { return try read(DCPMetadata.fileName) }
    let ranks = try inFile(folder.path) { try DCPMetadata.ranks(among: try folder.names()) }
    guard !ranks.isEmpty else { return try read(DCPMetadata.fileName) }
    return try inFile(folder.path) {
      try DCPMetadata(joining: try ranks.map { ($0.rank, try read($0.file)) })
    }
  }

  private static func metadata(_ file: RandomAccessFile) throws -> DCPMetadata {
    guard file.size <= maximumMetadata else {
      throw CheckpointError("\(file.size) bytes are too many for the metadata of a checkpoint")
    }
    var pickles = PickleSequence(file)
    let tree = try pickles.next()
    guard pickles.position == file.size else {
      throw CheckpointError(
        "\(file.size - pickles.position) bytes follow the pickle, which would not be read",
        advice: "fetch or save the checkpoint again")
    }
    return try DCPMetadata(tree)
  }

  private static func add(
    _ name: TensorName, _ tensor: DCPMetadata.Tensor, _ files: DCPFiles,
    _ contents: inout StoredTensors
  ) throws {
    guard let shape = Shape(tensor.shape) else {
      throw CheckpointError(entry: name, "its size \(tensor.shape) does not fit 64 bits")
    }
    guard let dtype = tensor.dtype else {
      return try contents.addPlaceholder(
        name, .data, "a tensor of \(tensor.typeName) \(shape), which has no element type here")
    }
    if let transform = tensor.chunks.lazy.flatMap(\.storage.transforms).first {
      return try contents.addPlaceholder(
        name, .data, "\(dtype) \(shape), stored through the stream extension \(transform)")
    }
    let chunks = try tensor.chunks.map { chunk in
      guard let box = TensorBox(origin: chunk.origin, extents: chunk.extents, within: shape) else {
        throw CheckpointError(
          entry: name,
          "its part of \(chunk.extents) at \(chunk.origin) lies outside its shape \(shape)",
          advice: "the checkpoint's metadata is damaged; fetch or save it again")
      }
      return DCPChunk(box: box, dtype: dtype, tensor: name, storage: chunk.storage, files: files)
    }
    try contents.add(name, dtype, shape, parts: chunks)
  }

  /// A Python object: the tensors in it under their names, or the object as a plain value.
  private static func add(
    _ name: TensorName, _ storage: DCPMetadata.Storage, _ files: DCPFiles,
    _ contents: inout StoredTensors
  ) throws {
    if let transform = storage.transforms.first {
      return try contents.addPlaceholder(
        name, .data, "a Python object stored through the stream extension \(transform)")
    }
    let object = try files.archive(storage, of: name)
    guard object.entries.contains(where: \.isData) else {
      return try contents.addPlaceholder(name, .value, object.summary, value: object.value)
    }
    try contents.addEntries(of: object.contents, in: name.text) { inner in
      inner.isEmpty ? name : "\(name).\(inner)"
    }
  }
}

/// A part of a tensor in a file of a distributed checkpoint.
private struct DCPChunk: TensorChunk {
  let box: TensorBox
  let dtype: DType
  let tensor: TensorName
  let storage: DCPMetadata.Storage
  let files: DCPFiles

  func open() throws -> (layout: ElementLayout, source: any StorageSource) {
    let stored = try files.tensor(storage, of: tensor)
    guard stored.layout.dtype == dtype, stored.layout.shape.dimensions == box.extents else {
      throw CheckpointError(
        file: files.path(of: storage), entry: tensor,
        "the part at \(box.origin) is \(stored.layout.dtype) \(stored.layout.shape), the metadata "
          + "says \(dtype) \(Shape(box.extents) ?? .scalar)",
        advice: "metadata and files belong to different checkpoints; fetch or save them again")
    }
    return stored
  }
}
