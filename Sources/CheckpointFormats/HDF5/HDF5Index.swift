import Bytes
import CheckpointCore

/// What an HDF5 file holds and where it lies, as the helper process reports it.
struct HDF5Index: Sendable {
  struct Chunk: Sendable {
    /// The first element's index in each dimension.
    let origin: [Int]
    let address: Int
    let size: Int
    /// Bit i is set where filter i of the pipeline was left out.
    let filterMask: Int
  }

  enum Storage: Sendable {
    /// One run of bytes; `nil` where nothing was ever written: all elements are the fill value.
    case contiguous(address: Int?)
    /// Bytes in the object header.
    case compact([UInt8])
    /// A grid of separately filtered blocks; those missing are the fill value.
    case chunked(shape: [Int], filters: [HDF5FilterStep], chunks: [Chunk])
  }

  struct Dataset: Sendable {
    let dtype: DType
    let isBigEndian: Bool
    let dimensions: [Int]
    let storage: Storage
    /// One element as stored; empty for zeros.
    let fill: [UInt8]
  }

  enum Item: Sendable {
    /// The address of a dataset: equal for two names of one.
    case dataset(Int)
    case placeholder(Placeholder.Kind, reason: String)
    /// What is said of the file or an object in it; `nil` where it has no form here.
    case attribute(JSONValue?)
  }

  /// By the address of the object header in the file.
  var datasets: [Int: Dataset] = [:]
  var items: [(path: String, item: Item)] = []
}

// The encoding in which the helper process answers. `HDF5Helper.request` names its version.
extension HDF5Index {
  func encode(into bytes: inout [UInt8]) {
    bytes.put(datasets.count)
    for (address, dataset) in datasets.sorted(by: { $0.key < $1.key }) {
      bytes.put(address)
      bytes.put(dataset)
    }
    bytes.put(items.count)
    for (path, item) in items {
      bytes.appendCounted(path.utf8)
      switch item {
      case .placeholder(let kind, let reason):
        bytes.put(kind == .data ? 1 : 0)
        bytes.appendCounted(reason.utf8)
      case .dataset(let address):
        bytes.put(2)
        bytes.put(address)
      case .attribute(let value):
        bytes.put(3)
        bytes.appendCounted((value?.serialized() ?? "").utf8)
      }
    }
  }

  init(decoding reader: inout ByteReader) throws(ByteReader.Truncated) {
    for _ in 0..<(try reader.count()) {
      let address = try reader.int()
      datasets[address] = try reader.dataset()
    }
    for _ in 0..<(try reader.count()) {
      let path = String(decoding: try reader.counted(), as: UTF8.self)
      switch try reader.int() {
      case 2: items.append((path, .dataset(try reader.int())))
      case 3: items.append((path, .attribute(try? JSONParser.parse(try reader.counted()))))
      case let kind:
        let reason = String(decoding: try reader.counted(), as: UTF8.self)
        items.append((path, .placeholder(kind == 1 ? .data : .value, reason: reason)))
      }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func put(_ value: Int) { appendLittleEndian(value) }

  mutating func appendCounted(_ value: some Collection<UInt8>) {
    put(value.count)
    self += value
  }

  fileprivate mutating func put(_ values: [Int]) {
    put(values.count)
    for value in values { put(value) }
  }

  fileprivate mutating func put(_ dataset: HDF5Index.Dataset) {
    appendCounted(dataset.dtype.rawValue.utf8)
    put(dataset.isBigEndian ? 1 : 0)
    put(dataset.dimensions)
    appendCounted(dataset.fill)
    switch dataset.storage {
    case .contiguous(let address):
      put(0)
      put(address ?? -1)
    case .compact(let bytes):
      put(1)
      appendCounted(bytes)
    case .chunked(let shape, let filters, let chunks):
      put(2)
      put(shape)
      put(filters.count)
      for step in filters { put([step.filter.rawValue] + step.parameters) }
      put(chunks.count)
      for chunk in chunks {
        put(chunk.origin)
        put([chunk.address, chunk.size, chunk.filterMask])
      }
    }
  }
}

extension ByteReader {
  /// As many bytes as the number before them says.
  mutating func counted() throws(Truncated) -> [UInt8] { Array(try read(try int())) }

  fileprivate mutating func int() throws(Truncated) -> Int { try readLittleEndian(Int.self) }

  /// A number of things that follow, each of which takes at least a byte.
  fileprivate mutating func count() throws(Truncated) -> Int {
    let count = try int()
    guard (0...remaining).contains(count) else {
      throw Truncated(position: position, needed: count, available: remaining)
    }
    return count
  }

  fileprivate mutating func ints() throws(Truncated) -> [Int] {
    var values: [Int] = []
    for _ in 0..<(try count()) { values.append(try int()) }
    return values
  }

  fileprivate mutating func dataset() throws(Truncated) -> HDF5Index.Dataset {
    let dtype = DType(rawValue: String(decoding: try counted(), as: UTF8.self)) ?? .uint8
    let isBigEndian = try int() == 1
    let dimensions = try ints()
    let fill = try counted()
    return HDF5Index.Dataset(
      dtype: dtype, isBigEndian: isBigEndian, dimensions: dimensions, storage: try storage(),
      fill: fill)
  }

  private mutating func storage() throws(Truncated) -> HDF5Index.Storage {
    switch try int() {
    case 0:
      let address = try int()
      return .contiguous(address: address < 0 ? nil : address)
    case 1: return .compact(try counted())
    default:
      let shape = try ints()
      var filters: [HDF5FilterStep] = []
      for _ in 0..<(try count()) {
        let step = try ints()
        guard let filter = step.first.flatMap({ HDF5Filter(rawValue: $0) }) else {
          throw Truncated(position: position, needed: 1, available: 0)
        }
        filters.append(HDF5FilterStep(filter: filter, parameters: Array(step.dropFirst())))
      }
      var chunks: [HDF5Index.Chunk] = []
      for _ in 0..<(try count()) {
        let origin = try ints()
        let place = try ints()
        guard place.count == 3 else {
          throw Truncated(position: position, needed: 3, available: place.count)
        }
        chunks.append(
          .init(origin: origin, address: place[0], size: place[1], filterMask: place[2]))
      }
      return .chunked(shape: shape, filters: filters, chunks: chunks)
    }
  }
}
