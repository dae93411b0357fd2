import Bytes
import CheckpointCore

/// A PyTorch file of 0.1: an uncompressed tar of `sys_info`, `storages`, `tensors` and `pickle`.
///
///     storages  pickle: how many; per storage a pickle (key, location, class), 8 bytes element
///               count, the elements; at the end a pickle of views (key, root key, offset, count)
///     tensors   pickle: how many; per tensor a pickle (key, storage key, class), 4 bytes rank,
///               4 bytes unused, 8 bytes per extent, 8 per stride, 8 bytes offset
///     pickle    the object; persistent IDs are tensor keys
///
/// Source: torch/serialization.py, `legacy_load`; POSIX.1-1988 for the tar.
struct TorchTarReader: StoredCheckpointReader {
  let format = FormatName.torch
  let formatDescription = "PyTorch tar (0.1)"
  let contents: StoredTensors

  private static let blockSize = 512
  /// More members than any such file has.
  private static let maximumMembers = 10_000

  static func matches(_ prefix: [UInt8]) -> Bool {
    prefix.count > 262 && prefix[257..<262].elementsEqual("ustar".utf8)
  }

  init(_ file: RandomAccessFile) throws {
    let members = try Self.members(file)
    func member(_ name: String) throws -> Range<Int> {
      guard let range = members[name] else {
        throw CheckpointError(
          "this tar archive has no '\(name)', so it is not a PyTorch file",
          advice: "unpack it, and name a file in it")
      }
      return range
    }
    var storages = try Storages(file, try member("storages"))
    let tensors = try Self.tensors(file, try member("tensors"), &storages)
    var pickle = PickleSequence(file, range: try member("pickle"))
    var contents = StoredTensors()
    try TorchContents.collect(
      try pickle.next(), into: &contents, isBigEndian: false, tensors: tensors
    ) { record, tensor in
      guard let source = storages.sources[TensorName(record.key)] else {
        throw CheckpointError(entry: tensor, "its storage \(record.key) is not in the archive")
      }
      return source
    }
    self.contents = contents
  }

  private static func members(_ file: RandomAccessFile) throws -> [String: Range<Int>] {
    var result: [String: Range<Int>] = [:]
    var cursor = FileCursor(file)
    while cursor.remaining >= blockSize, result.count < maximumMembers {
      let header = try cursor.read(blockSize, "a tar header")
      guard header[0] != 0 else { break }
      let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
      let digits = header[124..<136].filter { (0x30...0x37).contains($0) }
      guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 8) else {
        throw CheckpointError(entry: name, "its size in the tar header is not a number")
      }
      let start = try cursor.skip(size, "the tar member \(name)")
      result[name.hasPrefix("./") ? String(name.dropFirst(2)) : name] = start..<start + size
      cursor.seek(to: (start + size).roundedUp(toMultipleOf: blockSize))
    }
    try refuseContent(in: cursor.position..<file.size, of: file)
    return result
  }

  /// The end of an archive is zeros; anything else there would be another one.
  private static func refuseContent(in range: Range<Int>, of file: RandomAccessFile) throws {
    let rest = FileSource(file: file, offset: range.lowerBound, size: range.count)
    try rest.stream(0..<range.count, chunkSize: Streaming.chunkSize) { chunk in
      for index in chunk.indices where chunk[index] != 0 {
        throw CheckpointError(
          "something follows the end of this tar archive, which would not be read",
          advice: "unpack it; one file can hold one checkpoint")
      }
    }
  }

  private struct Storages {
    private(set) var sources: [TensorName: FileSource] = [:]
    private(set) var types: [TensorName: (dtype: DType, className: String)] = [:]
    /// A view's root storage and its first element there.
    private(set) var views: [TensorName: (root: TensorName, offset: Int)] = [:]

    init(_ file: RandomAccessFile, _ range: Range<Int>) throws {
      var pickles = PickleSequence(file, range: range)
      for _ in 0..<(try count(&pickles, "storages")) {
        let tree = try pickles.next()
        guard let parts = tree.root.flatMap({ tree.items(ofSequence: $0) }), parts.count == 3,
          case .global(let type) = tree[parts[2]], let dtype = TorchGlobal.storageType(type) ?? nil
        else { throw CheckpointError("a storage is not (key, location, class)") }
        let key = tree.storageKey(parts[0])
        var cursor = FileCursor(file, at: pickles.position, end: range.upperBound)
        let elements = try cursor.readLittleEndian(Int64.self, "the size of storage \(key)")
        guard elements >= 0, let bytes = Int(elements).multipliedChecked(by: dtype.itemSize) else {
          throw CheckpointError(entry: key, "a storage of \(elements) elements")
        }
        let offset = try cursor.skip(bytes, "storage \(key)")
        pickles.skip(8 + bytes)
        sources[key] = FileSource(file: file, offset: offset, size: bytes)
        types[key] = (dtype, "\(type)")
      }
      let tree = try pickles.next()
      for view in tree.root.flatMap({ tree.items(ofSequence: $0) }) ?? [] {
        guard let parts = tree.items(ofSequence: view), parts.count == 4,
          let offset = tree.int(parts[2]), offset >= 0
        else { throw CheckpointError("a storage view is not (key, root key, offset, count)") }
        views[tree.storageKey(parts[0])] = (tree.storageKey(parts[1]), offset)
      }
    }
  }

  private static func tensors(
    _ file: RandomAccessFile, _ range: Range<Int>, _ storages: inout Storages
  ) throws -> [TensorName: TorchTensorRecord] {
    var pickles = PickleSequence(file, range: range)
    var result: [TensorName: TorchTensorRecord] = [:]
    for _ in 0..<(try count(&pickles, "tensors")) {
      let tree = try pickles.next()
      guard let parts = tree.root.flatMap({ tree.items(ofSequence: $0) }), parts.count == 3 else {
        throw CheckpointError("a tensor is not (key, storage key, class)")
      }
      let key = tree.storageKey(parts[0])
      let storageKey = tree.storageKey(parts[1])
      let root = storages.views[storageKey]?.root ?? storageKey
      guard let (dtype, className) = storages.types[root], let source = storages.sources[root]
      else {
        throw CheckpointError(entry: key, "its storage \(storageKey) is not in the archive")
      }
      var cursor = FileCursor(file, at: pickles.position, end: range.upperBound)
      let rank = Int(try cursor.readLittleEndian(Int32.self, "a tensor's rank"))
      guard (0...StructureLimits.rank).contains(rank) else {
        throw CheckpointError(entry: key, "a rank of \(rank)")
      }
      _ = try cursor.skip(4, "a tensor")
      func numbers() throws -> [Int] {
        try (0..<rank).map { _ in Int(try cursor.readLittleEndian(Int64.self, "a tensor")) }
      }
      let (extents, strides) = (try numbers(), try numbers())
      let offset = Int(try cursor.readLittleEndian(Int64.self, "a tensor's offset"))
      pickles.skip(cursor.position - pickles.position)
      guard let shape = Shape(extents), strides.allSatisfy({ $0 >= 0 }), offset >= 0 else {
        throw CheckpointError(entry: key, "its size \(extents) or strides \(strides) cannot be")
      }
      var storage = TorchStorageRecord(
        key: root.text, dtype: dtype, count: source.size / dtype.itemSize, className: className)
      storage.viewOffset = storages.views[storageKey]?.offset ?? 0
      result[key] = TorchTensorRecord(
        storage: storage, dtype: dtype, shape: shape, offset: offset, strides: strides,
        isConjugated: false, isNegated: false)
    }
    return result
  }
}

/// The number of items that a pickle by itself announces. Each takes bytes, so it needs no bound.
private func count(_ pickles: inout PickleSequence, _ what: String) throws -> Int {
  let tree = try pickles.next()
  guard let count = tree.root.flatMap({ tree.int($0) }), count >= 0 else {
    throw CheckpointError("the number of \(what) is missing")
  }
  return count
}
