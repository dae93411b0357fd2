import Bytes
import CheckpointCore

/// Lists the arrays and other values of a Flax file under the names of the maps they lie in.
struct FlaxTreeWalker {
  private let file: RandomAccessFile
  private let tree: MessagePackTree
  private(set) var contents = StoredTensors()
  /// What has the arrays that lie outside the file, where a leaf only says which.
  private let outside: OrbaxArrays?

  init(_ file: RandomAccessFile, _ tree: MessagePackTree, outside: OrbaxArrays? = nil) {
    (self.file, self.tree, self.outside) = (file, tree, outside)
  }

  mutating func walk(_ index: Int, _ path: TensorName, depth: Int) throws {
    let value = tree[index]
    guard depth <= StructureLimits.depth else {
      throw CheckpointError(
        entry: path, "it is nested more than \(StructureLimits.depth) levels deep",
        advice: "the file is damaged or was made to exhaust memory")
    }
    if let outside, let place = OrbaxAggregate.place(of: index, in: tree) {
      return try outside.add(path, at: place, to: &contents)
    }
    switch value.kind {
    case .map where value.count > 0:
      let pairs = tree.pairs(index)
      if isChunked(pairs) { return try addChunked(pairs, path) }
      for (key, item) in pairs {
        let name = path.appending(try name(of: key, in: path), separator: "/")
        try walk(item, name, depth: depth + 1)
      }
    case .array where value.count > 0: try walkItems(of: index, path, depth: depth)
    case .ext where value.type == OrbaxAggregate.tupleType && outside != nil:
      try walkItems(of: index + 1, path, depth: depth)
    case .ext where value.type == FlaxEncoding.arrayType || value.type == FlaxEncoding.scalarType:
      let array = try decodeArray(index, path)
      try add(path, array.typeName, array.shape, in: array.data)
    case .ext where value.type == FlaxEncoding.complexType:
      try contents.addPlaceholder(path, .value, "a Python complex number")
    case .ext:
      try contents.addPlaceholder(
        path, .data, "\(tree.summary(index)), which Flax does not define")
    default:
      try contents.addPlaceholder(
        path, .value, tree.summary(index),
        value: tree.json(index).map { PlainValue($0, isMetadata: false) })
    }
  }

  private mutating func walkItems(of index: Int, _ path: TensorName, depth: Int) throws {
    for (position, item) in tree.items(index).enumerated() {
      try walk(item, path.appending(String(position), separator: "/"), depth: depth + 1)
    }
  }

  private func name(of key: Int, in path: TensorName) throws -> String {
    if let text = tree.text(key) { return text }
    if let number = tree.int(key) { return String(number) }
    guard let range = tree.data(key), tree[key].kind == .binary else {
      throw CheckpointError(
        entry: path, "a map with the key \(tree.summary(key)); a string expected")
    }
    return String(decoding: try read(range), as: UTF8.self)
  }

  private func read(_ range: Range<Int>) throws -> [UInt8] {
    try FileSource(file: file, offset: range.lowerBound, size: range.count).read(0..<range.count)
  }

  private struct EncodedArray {
    let shape: Shape
    let typeName: String
    let data: FileSource
  }

  private func decodeArray(_ index: Int, _ path: TensorName) throws -> EncodedArray {
    let array = index + 1
    let parts = tree[array].kind == .array ? tree.items(array) : []
    guard parts.count == 3, tree[parts[0]].kind == .array, let data = tree.data(parts[2]),
      tree[parts[2]].kind == .binary
    else {
      throw CheckpointError(entry: path, "an array should be [shape, dtype name, bytes]")
    }
    let extents = tree.items(parts[0])
    let dimensions = extents.compactMap { tree.int($0) }
    guard dimensions.count == extents.count, let shape = Shape(dimensions) else {
      throw CheckpointError(entry: path, "its shape is not one of sizes that fit 64 bits")
    }
    return EncodedArray(
      shape: shape, typeName: try typeName(parts[1], path),
      data: FileSource(file: file, offset: data.lowerBound, size: data.count))
  }

  private func typeName(_ index: Int, _ path: TensorName) throws -> String {
    if let text = tree.text(index) { return text }
    guard let range = tree.data(index), tree[index].kind == .binary, range.count < 64 else {
      throw CheckpointError(entry: path, "its dtype is \(tree.summary(index)), not a name")
    }
    return String(decoding: try read(range), as: UTF8.self)
  }

  private mutating func add(
    _ path: TensorName, _ typeName: String, _ shape: Shape, in source: any StorageSource
  ) throws {
    // A name, or a descriptor with its byte order, as other writers of MessagePack give it.
    guard
      case .elements(let dtype, let isBigEndian) = NpyDescriptor(.string(typeName), rawTypes: [:])
    else {
      return try contents.addPlaceholder(
        path, .data, "an array of \(typeName), which has no element type here, shape \(shape)")
    }
    guard shape.count.multipliedChecked(by: dtype.itemSize) == source.size else {
      throw CheckpointError(
        entry: path,
        "\(dtype) \(shape) takes \(shape.count) × \(dtype.itemSize) bytes, but there are "
          + "\(source.size)",
        advice: "the file is damaged; save it again")
    }
    let layout = ElementLayout(
      dtype: dtype, shape: shape, byteOffset: 0, strides: shape.strides, isBigEndian: isBigEndian)
    try contents.add(path, layout, in: source, key: path.text)
  }

  // MARK: Arrays in chunks

  private func isChunked(_ pairs: [(key: Int, value: Int)]) -> Bool {
    pairs.contains { tree.isText($0.key, FlaxEncoding.chunkedKey) }
  }

  private mutating func addChunked(
    _ pairs: [(key: Int, value: Int)], _ path: TensorName
  ) throws {
    func member(_ name: String) -> [Int]? {
      pairs.first { tree.isText($0.key, name) }.flatMap { orderedItems($0.value) }
    }
    guard pairs.count == 3, let extents = member("shape"), let chunks = member("chunks"),
      let shape = Shape(extents.compactMap { tree.int($0) }), shape.rank == extents.count
    else {
      throw CheckpointError(
        entry: path, "a chunked array should have a 'shape' and 'chunks', and nothing else")
    }
    let parts = try chunks.map { chunk in
      guard tree[chunk].kind == .ext, tree[chunk].type == FlaxEncoding.arrayType else {
        throw CheckpointError(entry: path, "a chunk is \(tree.summary(chunk)), not an array")
      }
      return try decodeArray(chunk, path)
    }
    guard let typeName = parts.first?.typeName, parts.allSatisfy({ $0.typeName == typeName }) else {
      throw CheckpointError(entry: path, "its chunks have different dtypes, or there are none")
    }
    try add(path, typeName, shape, in: ConcatenatedSource(parts.map(\.data)))
  }

  /// A list, or the map from "0", "1", … that Flax makes of one, in the order of the numbers:
  /// "10" comes after "9".
  private func orderedItems(_ index: Int) -> [Int]? {
    guard tree[index].kind != .array else { return tree.items(index) }
    guard tree[index].kind == .map else { return nil }
    let pairs = tree.pairs(index)
    let numbered = pairs.compactMap { pair in
      tree.text(pair.key).flatMap { Int($0) }.map { (number: $0, value: pair.value) }
    }.sorted { $0.number < $1.number }
    guard numbered.map(\.number) == Array(0..<pairs.count) else { return nil }
    return numbered.map(\.value)
  }
}
