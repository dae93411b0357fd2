import Bytes
public import CheckpointCore

/// The writers, by format.
public enum CheckpointWriters {
  private static let all: [any CheckpointWriter] = [
    NpzWriter(), NpyWriter(), HDF5Writer(), TorchZipWriter(), SafetensorsWriter(), FlaxWriter(),
  ]

  public static var formats: [FormatName] { all.map(\.format) }

  /// The writer of `format`; `nil` where it is only read.
  ///
  /// - Parameter compression: a deflate level, 1 to 9, where the format can use one.
  /// - Throws: `CheckpointError` where the format cannot be compressed.
  public static func writer(
    for format: FormatName, compression: Int? = nil
  ) throws -> (any CheckpointWriter)? {
    if let compression {
      guard format == .hdf5 else {
        throw CheckpointError(
          kind: .usage, "\(format.rawValue) files are not written compressed",
          advice: "leave out --gzip, or write hdf5")
      }
      return HDF5Writer(compressionLevel: compression)
    }
    return all.first { $0.format == format }
  }

  /// The format that a file name's extension stands for.
  public static func format(forPath path: String) -> FormatName? {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let extensions: [String: FormatName] = [
      "npz": .npz, "npy": .npy, "pt": .torch, "pth": .torch, "ckpt": .torch, "bin": .torch,
      "safetensors": .safetensors, "flax": .flax, "msgpack": .flax, "h5": .hdf5, "hdf5": .hdf5,
    ]
    return extensions[name[name.index(after: dot)...].lowercased()]
  }

  /// Writes `tensors` to `path`: whole, or not at all.
  public static func write(
    _ tensors: [OutputTensor], to path: String, as writer: any CheckpointWriter,
    overwrite: Bool, work: WorkLimits
  ) throws {
    do {
      let file = try AtomicFile(path: path, overwrite: overwrite)
      try writer.write(tensors, to: file, work: work)
      try file.commit()
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
  }

  /// Writes `tensors` as a sharded safetensors set: `STEM-00001-of-0000N.safetensors`, …, and
  /// `STEM.safetensors.index.json`, which appears last.
  ///
  /// - Parameter limit: bytes of elements per shard; a larger tensor has a shard to itself.
  /// - Returns: the paths written.
  public static func writeShards(
    _ tensors: [OutputTensor], to path: String, limit: Int, overwrite: Bool, work: WorkLimits
  ) throws -> [String] {
    let stem = path.hasSuffix(".safetensors") ? String(path.dropLast(12)) : path
    let shards = partition(tensors, limit: limit)
    func number(_ value: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    let paths = shards.indices.map {
      "\(stem)-\(number($0 + 1))-of-\(number(shards.count)).safetensors"
    }
    do {
      // All are written before any gets its name, and closed: there may be thousands.
      var files: [AtomicFile] = []
      for (shard, path) in zip(shards, paths) {
        let file = try AtomicFile(path: path, overwrite: overwrite)
        try SafetensorsWriter().write(shard, to: file, work: work)
        try file.finish()
        files.append(file)
      }
      let index = try AtomicFile(path: stem + ".safetensors.index.json", overwrite: overwrite)
      let total = tensors.reduce(0) { $0 + ($1.aliasOf == nil ? $1.byteCount : 0) }
      let map = zip(shards, paths).flatMap { shard, path in
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return shard.filter { $0.aliasOf == nil }.map {
          JSONValue.Member($0.name.text, .string(file))
        }
      }
      let document = JSONValue.object([
        "metadata": .object(["total_size": .int(total)]), "weight_map": .object(map),
      ])
      try index.write(Array((document.serialized(pretty: true) + "\n").utf8).span, at: 0)
      for file in files + [index] { try file.commit() }
    } catch let error as FileSystemError {
      throw CheckpointError(error)
    }
    return paths + [stem + ".safetensors.index.json"]
  }

  /// Runs of tensors in their order, each within the limit; an alias goes with what it names.
  private static func partition(_ tensors: [OutputTensor], limit: Int) -> [[OutputTensor]] {
    var shards: [[OutputTensor]] = []
    var shardOf: [TensorName: Int] = [:]
    var size = 0
    for tensor in tensors where tensor.aliasOf == nil {
      if shards.isEmpty || (size + tensor.byteCount > limit && size > 0) {
        shards.append([])
        size = 0
      }
      size += tensor.byteCount
      shards[shards.count - 1].append(tensor)
      shardOf[tensor.name] = shards.count - 1
    }
    for tensor in tensors {
      if let shard = tensor.aliasOf.flatMap({ shardOf[$0] }) { shards[shard].append(tensor) }
    }
    return shards
  }
}
