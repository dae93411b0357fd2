import Bytes
import CheckpointCore

/// A data file of a database.
struct OCDBTFile: Sendable {
  /// From the database's folder.
  let path: String
  /// The part of the path that goes before all paths in a node that lies in this file.
  let base: String
}

/// The data files that a structure refers to by number. Paths are given as what they have in common
/// with the one before and what follows:
///
///     count                        LEB128
///     common[1…]                   bytes in common with the path before
///     suffix length[0…]
///     base length[0…]              how much of the path is the base of nodes in the file
///     suffixes, one after the other
///
/// Source: tensorstore/kvstore/ocdbt/index.rst, "Data file table format".
struct OCDBTFileTable {
  /// The format's own limit on a path.
  private static let maximumPath = 65535

  private let files: [OCDBTFile]

  /// - Parameter base: what goes before the paths of this structure.
  init(_ cursor: inout OCDBTCursor, base: String) throws {
    let count = try cursor.count("data files")
    let common = try [0] + cursor.ints(max(0, count - 1), "a path's common length")
    let suffixes = try cursor.ints(count, "a path's length")
    let bases = try cursor.ints(count, "a base path's length")
    var files: [OCDBTFile] = []
    var path: [UInt8] = []
    var total = 0
    for index in 0..<count {
      let length = common[index].addingChecked(suffixes[index])
      guard common[index] <= path.count, let length, length <= Self.maximumPath,
        bases[index] <= length
      else { throw cursor.damaged("the lengths of data file \(index)'s path do not fit") }
      total += base.utf8.count + length
      guard total <= StructureLimits.nameBytes else {
        throw CheckpointError.beyondLimit("bytes of paths", limit: StructureLimits.nameBytes)
      }
      path = try Array(path[..<common[index]] + cursor.bytes(suffixes[index]))
      guard let text = String(validating: path, as: UTF8.self),
        let own = String(validating: path[..<bases[index]], as: UTF8.self)
      else { throw cursor.damaged("the path of data file \(index) is not UTF-8") }
      files.append(OCDBTFile(path: base + text, base: base + own))
    }
    self.files = files
  }

  func file(_ number: Int, _ cursor: OCDBTCursor) throws -> OCDBTFile {
    guard files.indices.contains(number) else {
      throw cursor.damaged("data file \(number) of \(files.count) is referred to")
    }
    return files[number]
  }
}

/// Where a node or a value lies.
struct OCDBTReference: Sendable {
  let file: OCDBTFile
  let offset: Int
  let length: Int

  /// Columns of references. `nil` stands for none, as a database without any entry has no root.
  static func column(
    _ cursor: inout OCDBTCursor, count: Int, _ table: OCDBTFileTable
  ) throws -> [OCDBTReference?] {
    let files = try cursor.ints(count, "a data file's number")
    let offsets = try (0..<count).map { _ in try cursor.number() }
    let lengths = try (0..<count).map { _ in try cursor.number() }
    return try (0..<count).map { index in
      if offsets[index] == .max, lengths[index] == .max { return nil }
      guard let offset = Int(exactly: offsets[index]), let length = Int(exactly: lengths[index])
      else { throw cursor.damaged("an offset or length of more than 63 bits") }
      return OCDBTReference(
        file: try table.file(files[index], cursor), offset: offset, length: length)
    }
  }
}
