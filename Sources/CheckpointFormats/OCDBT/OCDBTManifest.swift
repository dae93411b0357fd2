import CheckpointCore

/// Where a database begins: its configuration and the roots of its newest versions.
///
///     uuid                     16 bytes
///     manifest kind            byte: 0 the versions follow; 1 they are in files manifest.<generation>
///     max inline value bytes   LEB128
///     max decoded node bytes   LEB128
///     version tree arity log2  byte
///     compression              LEB128: 0 none; 1 Zstandard, with its level as an int32
///     data file table
///     newest versions          columns: generation, root's height, root's reference, keys, tree bytes,
///                              indirect value bytes, commit time
///     nodes of older versions
///
/// A version's number is its generation; the last is the newest. What a reader of the newest version
/// does not need, the nodes of older ones, is behind it and left alone.
/// Source: tensorstore/kvstore/ocdbt/index.rst, "Manifest format".
struct OCDBTManifest {
  /// The newest version.
  struct Root {
    let height: Int
    /// `nil` where the database is empty.
    let node: OCDBTReference?
  }

  /// `nil` where numbered files hold the versions.
  let root: Root?

  /// Versions that stand in a manifest are at most one node's, of which the format admits 2^31.
  private static let maximumArityLog2: UInt8 = 31

  init(_ bytes: [UInt8]) throws {
    var cursor = try OCDBTEnvelope.manifest.open(bytes)
    _ = try cursor.bytes(16)
    let kind = try cursor.byte()
    guard kind <= 1 else { throw cursor.damaged("manifest kind \(kind) is not known, 0 and 1 are") }
    _ = try cursor.number()
    _ = try cursor.number()
    let arity = try cursor.byte()
    guard (1...Self.maximumArityLog2).contains(arity) else {
      throw cursor.damaged("a version tree of 2^\(arity) branches")
    }
    switch try cursor.number() {
    case 0: break
    case 1: _ = try cursor.bytes(4)
    case let other: throw cursor.damaged("compression \(other) is not known, 0 and 1 are")
    }
    guard kind == 0 else {
      root = nil
      try cursor.expectEnd()
      return
    }
    let table = try OCDBTFileTable(&cursor, base: "")
    root = try Self.newest(&cursor, table, maximumCount: 1 << Int(arity))
  }

  private static func newest(
    _ cursor: inout OCDBTCursor, _ table: OCDBTFileTable, maximumCount: Int
  ) throws -> Root {
    let count = try cursor.count("versions")
    guard (1...maximumCount).contains(count) else {
      throw cursor.damaged("\(count) versions, 1 to \(maximumCount) expected")
    }
    let generations = try cursor.ints(count, "a generation")
    guard zip(generations, generations.dropFirst()).allSatisfy(<), generations[0] > 0 else {
      throw cursor.damaged("its generations do not increase")
    }
    let heights = try cursor.bytes(count)
    let roots = try OCDBTReference.column(&cursor, count: count, table)
    return Root(height: Int(heights[heights.endIndex - 1]), node: roots[count - 1])
  }
}
