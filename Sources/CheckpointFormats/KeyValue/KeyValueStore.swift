import Bytes
import CheckpointCore

/// Values by key, as TensorStore's drivers see a folder of files or a database in one: the keys are in
/// byte order, the values lie in files of one folder.
struct KeyValueStore: Sendable {
  /// Where a value is.
  enum Place: Sendable {
    /// In the structure that was read.
    case inline(ArraySlice<UInt8>)
    /// In a file of `files`, by its number.
    case file(Int, offset: Int, size: Int)

    var size: Int {
      switch self {
      case .inline(let bytes): bytes.count
      case .file(_, _, let size): size
      }
    }
  }

  let files: StoreFiles
  /// The bytes of all keys, one after the other, in order.
  private var keyBytes: [UInt8] = []
  /// Behind the last byte of each key.
  private var keyEnds: [Int] = []
  private(set) var places: [Place] = []

  var count: Int { places.count }

  /// - Parameter entries: in any order, each key once.
  init(_ entries: [(key: [UInt8], place: Place)], files: StoreFiles) {
    self.files = files
    for (key, place) in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      keyBytes += key
      keyEnds.append(keyBytes.count)
      places.append(place)
    }
  }

  func key(_ index: Int) -> ArraySlice<UInt8> {
    keyBytes[(index > 0 ? keyEnds[index - 1] : 0)..<keyEnds[index]]
  }

  /// The first entry whose key is not before `key`.
  private func lowerBound(_ key: some Sequence<UInt8>) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self.key(middle).lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func place(of key: String) -> Place? {
    let index = lowerBound(key.utf8)
    return index < count && self.key(index).elementsEqual(key.utf8) ? places[index] : nil
  }

  /// The entries whose keys begin with `prefix`, which ends with a slash or is empty.
  func entries(under prefix: String) -> Range<Int> {
    guard prefix.utf8.last == UInt8(ascii: "/") else { return 0..<count }
    // A zero follows the slash in the order of bytes.
    let end = Array(prefix.utf8.dropLast()) + [UInt8(ascii: "/") + 1]
    return lowerBound(prefix.utf8)..<lowerBound(end)
  }

  /// The value at `place`, which is structure: it is read whole.
  func read(_ place: Place) throws -> [UInt8] {
    switch place {
    case .inline(let bytes): return Array(bytes)
    case .file(_, _, let size): return try source(place).read(0..<size)
    }
  }

  func source(_ place: Place) throws -> any StorageSource {
    switch place {
    case .inline(let bytes): return MemorySource(bytes: bytes)
    case .file(let number, let offset, let size):
      return try files.source(number, offset: offset, size: size)
    }
  }
}
