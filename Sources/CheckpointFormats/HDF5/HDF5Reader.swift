import Bytes
import CheckpointCore

/// An HDF5 file: groups of datasets, as h5py, Keras and Flax exporters write them.
///
/// libhdf5, in a process of its own, says what there is and where; the elements are read here. Read: contiguous,
/// compact and chunked storage with deflate, shuffle, Fletcher-32, scale-offset and LZF in any order; integers and IEEE
/// floats of both byte orders, bfloat16, h5py's bool and complex, opaque elements named by a
/// `dtype` attribute; hard and soft links within the file. Entries that point at other files, and
/// other filters, are placeholders. Source: HDF5 File Format Specification 3.0.
struct HDF5Reader: StoredCheckpointReader {
  let format = FormatName.hdf5
  let formatDescription: String
  let contents: StoredTensors

  private static let signature: [UInt8] = [0x89] + "HDF\r\n\u{1A}\n".utf8

  /// The signature stands at the start, or after a user block of 512 bytes, 1024, 2048, ….
  static func matches(_ prefix: [UInt8]) -> Bool {
    var offset = 0
    while offset + signature.count <= prefix.count {
      if prefix[offset...].starts(with: signature) { return true }
      offset = max(512, 2 * offset)
    }
    return false
  }

  init(_ file: RandomAccessFile) throws {
    try self.init(file, path: file.path, description: "HDF5", extra: [])
  }

  /// - Parameters:
  ///   - path: where libhdf5 finds the bytes of `file`.
  ///   - extra: placeholders from around the file.
  init(
    _ file: RandomAccessFile, path: String, description: String,
    extra: [(name: String, reason: String)]
  ) throws {
    var contents = StoredTensors()
    for (name, reason) in extra { try contents.addPlaceholder(TensorName(name), .value, reason) }
    let index = try HDF5Helper.index(of: file, path: path)
    for (path, item) in index.items {
      switch item {
      case .placeholder(let kind, let reason):
        try contents.addPlaceholder(TensorName(path), kind, reason)
      case .attribute(let value):
        let plain = value.map { PlainValue($0, isMetadata: true) }
        try contents.addPlaceholder(
          TensorName(path), .value, "attribute: \(Self.shown(plain))", value: plain)
      case .dataset(let address):
        guard let dataset = index.datasets[address] else {
          throw CheckpointError(entry: path, "it is listed, but not described")
        }
        do {
          let (layout, source) = try Self.open(dataset, file)
          try contents.add(TensorName(path), layout, in: source, key: "object \(address)")
        } catch let error as CheckpointError {
          throw error.inEntry(path)
        }
      }
    }
    self.contents = contents
    formatDescription = description
  }

  /// Text without quotes and longer than elsewhere: a Keras model's configuration is an attribute.
  private static func shown(_ attribute: PlainValue?) -> String {
    guard let attribute else { return "of a type that is not shown" }
    guard case .string(let text) = attribute.value else { return attribute.summary }
    return text.count > 200 ? text.prefix(200) + "…" : text
  }

  private static func open(
    _ dataset: HDF5Index.Dataset, _ file: RandomAccessFile
  ) throws -> (ElementLayout, any StorageSource) {
    guard let shape = Shape(dataset.dimensions),
      let size = shape.count.multipliedChecked(by: dataset.dtype.itemSize)
    else { throw CheckpointError("its extents \(dataset.dimensions) do not fit 64 bits") }
    let layout = ElementLayout(
      dtype: dataset.dtype, shape: shape, byteOffset: 0, strides: shape.strides,
      isBigEndian: dataset.isBigEndian)
    let fill =
      dataset.fill.isEmpty
      ? [UInt8](repeating: 0, count: dataset.dtype.itemSize) : dataset.fill
    switch dataset.storage {
    case .contiguous(let address?):
      guard let end = address.addingChecked(size), address >= 0, end <= file.size else {
        throw CheckpointError(
          "\(size) bytes at byte \(address) reach beyond the file of \(file.size)",
          advice: "the file is truncated; fetch or save it again")
      }
      return (layout, FileSource(file: file, offset: address, size: size))
    case .contiguous(nil): return (layout, FillSource(size: size, element: fill))
    case .compact(let bytes):
      guard bytes.count >= size else { throw CheckpointError("its compact data is too short") }
      return (layout, MemorySource(bytes: bytes[..<size]))
    case .chunked(let chunkShape, let filters, let chunks):
      let source = try HDF5Chunks.source(
        file: file, shape: shape, itemSize: dataset.dtype.itemSize, chunkShape: chunkShape,
        filters: filters, chunks: chunks, fill: fill)
      return (layout, source)
    }
  }
}
