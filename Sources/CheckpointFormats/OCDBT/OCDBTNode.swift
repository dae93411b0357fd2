import Bytes
import CheckpointCore

/// A node of the B+tree that maps keys to values.
///
///     height           byte: 0 a leaf
///     data file table
///     count            LEB128
///     common[1…]       bytes in common with the key before
///     suffix length[0…]
///     prefix[0…]       inner nodes alone: bytes of the key that all keys below begin with
///     suffixes, one after the other
///
/// then, in a leaf: value length[0…], kind[0…] (0 inline, 1 in a file), file and offset of those in a
/// file, bytes of those inline; in an inner node: file, offset and length of each child, and three
/// columns of statistics. A key is relative to the prefixes on the way from the root.
///
/// Source: tensorstore/kvstore/ocdbt/index.rst, "B+tree node format"; format/btree.cc.
struct OCDBTNode {
  enum Value {
    case inline(ArraySlice<UInt8>)
    case file(OCDBTReference)
  }
  struct Child {
    let prefix: [UInt8]
    let node: OCDBTReference
  }
  enum Entries {
    case leaf([(key: [UInt8], value: Value)])
    case inner([Child])
  }

  /// The format's own limits on a key and on the entries of a node.
  private static let maximumKey = 65535
  private static let maximumCount = 1 << 20

  let height: Int
  let entries: Entries
  /// Bytes of it, decompressed.
  let size: Int

  /// - Parameter base: what goes before the paths in it.
  init(_ bytes: [UInt8], base: String) throws {
    var cursor = try OCDBTEnvelope.treeNode.open(bytes)
    size = cursor.size
    height = Int(try cursor.byte())
    let table = try OCDBTFileTable(&cursor, base: base)
    let count = try cursor.count("entries")
    guard (1...Self.maximumCount).contains(count) else {
      throw cursor.damaged("\(count) entries, 1 to \(Self.maximumCount) expected")
    }
    entries =
      height == 0
      ? .leaf(try Self.values(&cursor, count, table))
      : .inner(try Self.children(&cursor, count, table))
    try cursor.expectEnd()
  }

  private static func values(
    _ cursor: inout OCDBTCursor, _ count: Int, _ table: OCDBTFileTable
  ) throws -> [(key: [UInt8], value: Value)] {
    let (keys, _) = try keys(&cursor, count, hasPrefixes: false)
    let lengths = try cursor.ints(count, "a value's length")
    let kinds = Array(try cursor.bytes(count))
    guard kinds.allSatisfy({ $0 <= 1 }) else { throw cursor.damaged("a value of unknown kind") }
    let outside = kinds.count { $0 == 1 }
    let files = try cursor.ints(outside, "a data file's number")
    let offsets = try cursor.ints(outside, "a value's offset")
    var next = 0
    var entries: [(key: [UInt8], value: Value)] = []
    entries.reserveCapacity(count)
    for index in 0..<count {
      if kinds[index] == 0 {
        entries.append((keys[index], .inline(try cursor.bytes(lengths[index]))))
      } else {
        let reference = OCDBTReference(
          file: try table.file(files[next], cursor), offset: offsets[next], length: lengths[index])
        entries.append((keys[index], .file(reference)))
        next += 1
      }
    }
    return entries
  }

  private static func children(
    _ cursor: inout OCDBTCursor, _ count: Int, _ table: OCDBTFileTable
  ) throws -> [Child] {
    let (keys, prefixes) = try keys(&cursor, count, hasPrefixes: true)
    let nodes = try OCDBTReference.column(&cursor, count: count, table)
    // How many keys and bytes are below each child: nothing here depends on what they say.
    for _ in 0..<3 * count { _ = try cursor.number() }
    return try (0..<count).map { index in
      guard let node = nodes[index] else { throw cursor.damaged("a child without a place") }
      return Child(prefix: Array(keys[index].prefix(prefixes[index])), node: node)
    }
  }

  private static func keys(
    _ cursor: inout OCDBTCursor, _ count: Int, hasPrefixes: Bool
  ) throws -> (keys: [[UInt8]], prefixes: [Int]) {
    let common = try [0] + cursor.ints(count - 1, "a key's common length")
    let suffixes = try cursor.ints(count, "a key's length")
    let prefixes = hasPrefixes ? try cursor.ints(count, "a key's prefix") : []
    var keys: [[UInt8]] = []
    keys.reserveCapacity(count)
    var total = 0
    for index in 0..<count {
      let before = keys.last ?? []
      let length = common[index].addingChecked(suffixes[index])
      guard common[index] <= before.count, let length, length <= maximumKey,
        !hasPrefixes || prefixes[index] <= length
      else { throw cursor.damaged("the lengths of key \(index) do not fit") }
      total += length
      guard total <= StructureLimits.nameBytes else {
        throw CheckpointError.beyondLimit("bytes of names", limit: StructureLimits.nameBytes)
      }
      let key = try before[..<common[index]] + cursor.bytes(suffixes[index])
      guard index == 0 || before.lexicographicallyPrecedes(key) else {
        throw cursor.damaged("key \(index) does not follow the one before")
      }
      keys.append(Array(key))
    }
    return (keys, prefixes)
  }
}
