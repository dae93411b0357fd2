import Bytes
import CheckpointCore

/// What an HDF5 file holds and where it lies, as the sandboxed scan reports it.
struct HDF5Index {
  struct Chunk {
    /// The first element's index in each dimension.
    let origin: [Int]
    let address: Int
    let size: Int
    /// Bit i is set where filter i of the pipeline was left out.
    let filterMask: Int
  }

  enum Storage {
    /// One run of bytes; `nil` where nothing was ever written: all elements are the fill value.
    case contiguous(address: Int?)
    /// Bytes in the object header.
    case compact([UInt8])
    /// A grid of separately filtered blocks; those missing are the fill value.
    case chunked(shape: [Int], filters: [Int], chunks: [Chunk])
  }

  struct Dataset {
    let dtype: DType
    let isBigEndian: Bool
    let dimensions: [Int]
    let storage: Storage
    /// One element as stored; empty for zeros.
    let fill: [UInt8]
    /// Where its header is in the file: equal for two names of one dataset.
    let objectAddress: Int
  }

  enum Item {
    case dataset(Dataset)
    case placeholder(Placeholder.Kind, reason: String)
  }

  var items: [(path: String, item: Item)] = []
}

// The encoding in which a scan's process passes its index to its parent. Both are the same program.
extension HDF5Index {
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.put(items.count)
    for (path, item) in items {
      bytes.put(Array(path.utf8))
      switch item {
      case .placeholder(let kind, let reason):
        bytes.put(kind == .data ? 1 : 0)
        bytes.put(Array(reason.utf8))
      case .dataset(let dataset):
        bytes.put(2)
        bytes.put(dataset)
      }
    }
    return bytes
  }

  init(decoding bytes: [UInt8]) throws(ByteReader.Truncated) {
    var reader = ByteReader(bytes)
    for _ in 0..<(try reader.int()) {
      let path = String(decoding: try reader.bytes(), as: UTF8.self)
      switch try reader.int() {
      case 2: items.append((path, .dataset(try reader.dataset())))
      case let kind:
        let reason = String(decoding: try reader.bytes(), as: UTF8.self)
        items.append((path, .placeholder(kind == 1 ? .data : .value, reason: reason)))
      }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func put(_ value: Int) { appendLittleEndian(value) }

  fileprivate mutating func put(_ value: [UInt8]) {
    put(value.count)
    self += value
  }

  fileprivate mutating func put(_ values: [Int]) {
    put(values.count)
    for value in values { put(value) }
  }

  fileprivate mutating func put(_ dataset: HDF5Index.Dataset) {
    put(Array(dataset.dtype.rawValue.utf8))
    put(dataset.isBigEndian ? 1 : 0)
    put(dataset.dimensions)
    put(dataset.fill)
    put(dataset.objectAddress)
    switch dataset.storage {
    case .contiguous(let address):
      put(0)
      put(address ?? -1)
    case .compact(let bytes):
      put(1)
      put(bytes)
    case .chunked(let shape, let filters, let chunks):
      put(2)
      put(shape)
      put(filters)
      put(chunks.count)
      for chunk in chunks {
        put(chunk.origin)
        put([chunk.address, chunk.size, chunk.filterMask])
      }
    }
  }
}

extension ByteReader {
  fileprivate mutating func int() throws(Truncated) -> Int { try readLittleEndian(Int.self) }
  fileprivate mutating func bytes() throws(Truncated) -> [UInt8] { Array(try read(try int())) }

  fileprivate mutating func ints() throws(Truncated) -> [Int] {
    var values: [Int] = []
    for _ in 0..<(try int()) { values.append(try int()) }
    return values
  }

  fileprivate mutating func dataset() throws(Truncated) -> HDF5Index.Dataset {
    let dtype = DType(rawValue: String(decoding: try bytes(), as: UTF8.self)) ?? .uint8
    let isBigEndian = try int() == 1
    let dimensions = try ints()
    let fill = try bytes()
    let objectAddress = try int()
    return HDF5Index.Dataset(
      dtype: dtype, isBigEndian: isBigEndian, dimensions: dimensions, storage: try storage(),
      fill: fill, objectAddress: objectAddress)
  }

  private mutating func storage() throws(Truncated) -> HDF5Index.Storage {
    switch try int() {
    case 0:
      let address = try int()
      return .contiguous(address: address < 0 ? nil : address)
    case 1: return .compact(try bytes())
    default:
      let (shape, filters) = (try ints(), try ints())
      var chunks: [HDF5Index.Chunk] = []
      for _ in 0..<(try int()) {
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
