import Bytes
import CheckpointCore

/// Writes what `flax.serialization.msgpack_serialize` writes for nested dicts of arrays:
/// `FlaxReader` describes it. The parts of a name between slashes become nested maps, whose keys are
/// in order, as Flax puts them.
struct FlaxWriter: CheckpointWriter {
  let format = FormatName.flax

  func prepare(_ tensors: [OutputTensor]) throws -> [String] {
    _ = try NameTree(tensors.map(\.name), separator: "/")
    if let name = tensors.map(\.name).first(where: {
      $0.parts(separator: "/").contains(TensorName(FlaxEncoding.chunkedKey))
    }) {
      throw CheckpointError(
        entry: name, "Flax keeps this name for itself",
        advice: "choose another format with --to, or leave it out with --exclude")
    }
    if let odd = tensors.first(where: { $0.dtype == .complex32 || $0.dtype.isPacked }) {
      throw CheckpointError(
        entry: odd.name, "NumPy, and so Flax, has no \(odd.dtype)",
        advice: "choose another format with --to, or leave it out with --exclude")
    }
    let aliases = tensors.count { $0.aliasOf != nil }
    return aliases == 0
      ? [] : ["Flax files have no shared storage: \(aliases) aliases are written as copies"]
  }

  /// What stood among the tensors, has nothing else in it, and is nobody's group.
  func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] {
    let own = values.filter { !$0.value.isMetadata && FlaxEncoder.value($0.value.value) != nil }
    let names = tensors.map(\.name) + own.map(\.name)
    let isTree = !names.contains("") && (try? NameTree(names, separator: "/")) != nil
    return isTree ? own : []
  }

  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws {
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    var encoder = FlaxEncoder(
      tensors: tensors.map { tensor in tensor.aliasOf.flatMap { byName[$0] } ?? tensor },
      values: values.compactMap { FlaxEncoder.value($0.value.value) })
    let names = tensors.map(\.name) + values.map(\.name)
    try encoder.encode(try NameTree(names, separator: "/").root)
    for (offset, bytes) in encoder.structure { try file.writeChecked(bytes.span, at: offset) }
    // The parts of a split tensor lie apart; everything else is one piece.
    try file.write(encoder.whole, work: work)
    for split in encoder.split { try write(split, to: file, work) }
  }

  /// Writes a tensor whose elements are split into chunks with headers between them.
  private func write(
    _ split: FlaxEncoder.Split, to file: AtomicFile, _ work: WorkLimits
  ) throws {
    let size = split.tensor.dtype.itemSize
    var coverage = ElementCoverage(0..<split.tensor.shape.count)
    try split.tensor.produce { position, run in
      try coverage.add(position..<position + run.count / size)
      var done = 0
      while done < run.count {
        let (part, within) = (position * size + done).quotientAndRemainder(
          dividingBy: split.chunkSize)
        let count = min(run.count - done, split.chunkSize - within)
        try file.writeChecked(
          run.extracting(done..<done + count), at: split.offsets[part] + within)
        done += count
      }
      work.progress?.advance(bytes: run.count)
    }
    try coverage.finish()
    work.progress?.finishTensor()
  }
}

/// Lays out a tree of arrays: the bytes between the elements, and where the elements go.
private struct FlaxEncoder {
  struct Split {
    let tensor: OutputTensor
    let chunkSize: Int
    let offsets: [Int]
  }

  private let tensors: [OutputTensor]
  /// Encoded; their numbers follow the tensors'.
  private let values: [[UInt8]]
  private(set) var structure: [(offset: Int, bytes: [UInt8])] = []
  private(set) var whole: [PlacedTensor] = []
  private(set) var split: [Split] = []
  private var offset = 0

  init(tensors: [OutputTensor], values: [[UInt8]]) {
    (self.tensors, self.values) = (tensors, values)
  }

  /// The encoding of a plain value without others in it; `nil` for one that has some.
  static func value(_ value: JSONValue) -> [UInt8]? {
    switch value {
    case .null: [0xC0]
    case .bool(let value): [value ? 0xC3 : 0xC2]
    case .int(let value): MessagePackEncoder.integer(value)
    case .double(let value): MessagePackEncoder.float(value)
    case .string(let text): MessagePackEncoder.string(text)
    case .array(let items): items.isEmpty ? MessagePackEncoder.arrayHeader(0) : nil
    case .object(let members): members.isEmpty ? MessagePackEncoder.mapHeader(0) : nil
    }
  }

  private mutating func put(_ bytes: [UInt8]) {
    structure.append((offset, bytes))
    offset += bytes.count
  }

  mutating func encode(_ node: NameTree.Node) throws {
    switch node {
    case .leaf(let index) where index < tensors.count: putTensor(tensors[index])
    case .leaf(let index): put(values[index - tensors.count])
    case .branch(let children):
      put(MessagePackEncoder.mapHeader(children.count))
      let ordered = children.sorted { $0.name < $1.name }
      for (name, child) in ordered {
        put(MessagePackEncoder.string(name.text))
        try encode(child)
      }
    }
  }

  private mutating func putTensor(_ tensor: OutputTensor) {
    guard tensor.byteCount > FlaxEncoding.maximumChunkSize else {
      putArrayHeader(tensor.dtype, tensor.shape.dimensions, byteCount: tensor.byteCount)
      whole.append(PlacedTensor(tensor: tensor, offset: offset))
      offset += tensor.byteCount
      return
    }
    put(MessagePackEncoder.mapHeader(3) + MessagePackEncoder.string(FlaxEncoding.chunkedKey))
    put([0xC3] + MessagePackEncoder.string("shape"))
    put(MessagePackEncoder.mapHeader(tensor.shape.rank))
    for (axis, extent) in tensor.shape.dimensions.enumerated() {
      put(MessagePackEncoder.string(String(axis)) + MessagePackEncoder.unsigned(extent))
    }
    let perChunk = FlaxEncoding.maximumChunkSize / tensor.dtype.itemSize
    let starts = Array(stride(from: 0, to: tensor.shape.count, by: perChunk))
    put(MessagePackEncoder.string("chunks") + MessagePackEncoder.mapHeader(starts.count))
    var offsets: [Int] = []
    for (index, start) in starts.enumerated() {
      let count = min(perChunk, tensor.shape.count - start)
      put(MessagePackEncoder.string(String(index)))
      putArrayHeader(tensor.dtype, [count], byteCount: count * tensor.dtype.itemSize)
      offsets.append(offset)
      offset += count * tensor.dtype.itemSize
    }
    split.append(
      Split(tensor: tensor, chunkSize: perChunk * tensor.dtype.itemSize, offsets: offsets))
  }

  private mutating func putArrayHeader(_ dtype: DType, _ dimensions: [Int], byteCount: Int) {
    var payload = MessagePackEncoder.arrayHeader(3)
    payload += MessagePackEncoder.arrayHeader(dimensions.count)
    payload += dimensions.flatMap(MessagePackEncoder.unsigned)
    payload += MessagePackEncoder.string(dtype.name)
    payload += MessagePackEncoder.binaryHeader(byteCount)
    put(
      MessagePackEncoder.extHeader(FlaxEncoding.arrayType, payload.count + byteCount) + payload)
  }
}

/// The MessagePack headers that `msgpack-python` chooses: always the shortest.
private enum MessagePackEncoder {
  private static func header(_ code: UInt8, _ count: Int, _ width: Int) -> [UInt8] {
    [code] + (0..<width).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
  }

  static func mapHeader(_ count: Int) -> [UInt8] {
    count < 16
      ? [0x80 | UInt8(count)] : count < 1 << 16 ? header(0xDE, count, 2) : header(0xDF, count, 4)
  }

  static func arrayHeader(_ count: Int) -> [UInt8] {
    count < 16
      ? [0x90 | UInt8(count)] : count < 1 << 16 ? header(0xDC, count, 2) : header(0xDD, count, 4)
  }

  static func string(_ text: String) -> [UInt8] {
    let count = text.utf8.count
    let start =
      count < 32
      ? [0xA0 | UInt8(count)]
      : count < 1 << 8
        ? header(0xD9, count, 1)
        : count < 1 << 16 ? header(0xDA, count, 2) : header(0xDB, count, 4)
    return start + text.utf8
  }

  static func unsigned(_ value: Int) -> [UInt8] {
    switch value {
    case ..<0x80: [UInt8(value)]
    case ..<0x100: header(0xCC, value, 1)
    case ..<0x1_0000: header(0xCD, value, 2)
    case ..<0x1_0000_0000: header(0xCE, value, 4)
    default: header(0xCF, value, 8)
    }
  }

  static func integer(_ value: Int) -> [UInt8] {
    guard value < 0 else { return unsigned(value) }
    switch value {
    case (-32)...: return [UInt8(truncatingIfNeeded: value)]
    case Int(Int8.min)...: return header(0xD0, value, 1)
    case Int(Int16.min)...: return header(0xD1, value, 2)
    case Int(Int32.min)...: return header(0xD2, value, 4)
    default: return header(0xD3, value, 8)
    }
  }

  static func float(_ value: Double) -> [UInt8] {
    header(0xCB, Int(bitPattern: UInt(value.bitPattern)), 8)
  }

  static func binaryHeader(_ count: Int) -> [UInt8] {
    count < 1 << 8
      ? header(0xC4, count, 1) : count < 1 << 16 ? header(0xC5, count, 2) : header(0xC6, count, 4)
  }

  static func extHeader(_ type: Int8, _ count: Int) -> [UInt8] {
    let code = UInt8(bitPattern: type)
    if let fixed = [1, 2, 4, 8, 16].firstIndex(of: count) { return [0xD4 + UInt8(fixed), code] }
    return
      (count < 1 << 8
      ? header(0xC7, count, 1) : count < 1 << 16 ? header(0xC8, count, 2) : header(0xC9, count, 4))
      + [code]
  }
}
