import Bytes
import CheckpointCore

/// Where everything in a zip archive lies, every byte of the file accounted for.
///
///     local header (30 bytes) | name | extra field | data | data descriptor?     per entry
///     central directory header (46 bytes) | name | extra field | comment         per entry
///     zip64 end of central directory (56 bytes) + locator (20)                   where needed
///     end of central directory (22 bytes) | comment
///
/// An archive is found from its end, so bytes before it, between its entries or behind it would go
/// unseen: a second archive, say, with tensors of its own. Here they are refused. The central
/// directory is read first; then the entries must follow each other from the first byte of the file
/// to the directory. Source: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
struct ZipDirectory {
  struct Entry {
    /// As it stands in the file, in no particular encoding.
    let name: [UInt8]
    let hasDescriptor: Bool
    let crc: UInt32
    let packedSize: Int
    let size: Int
    let headerOffset: Int
    /// Where the entry's data begins.
    fileprivate(set) var dataOffset = 0
  }

  /// In the order of the central directory.
  private(set) var entries: [Entry] = []

  private enum Signature {
    static let localHeader: [UInt8] = [0x50, 0x4B, 3, 4]
    static let centralHeader: [UInt8] = [0x50, 0x4B, 1, 2]
    static let descriptor: [UInt8] = [0x50, 0x4B, 7, 8]
    static let end: [UInt8] = [0x50, 0x4B, 5, 6]
    static let zip64End: [UInt8] = [0x50, 0x4B, 6, 6]
    static let zip64Locator: [UInt8] = [0x50, 0x4B, 6, 7]
  }
  private static let endSize = 22
  private static let zip64EndSize = 56
  private static let locatorSize = 20
  private static let maximumComment = 0xFFFF

  private let file: RandomAccessFile

  init(_ file: RandomAccessFile) throws {
    self.file = file
    let end = try findEnd()
    guard end.count <= StructureLimits.entries else {
      throw CheckpointError.beyondLimit("zip entries", limit: StructureLimits.entries)
    }
    try refuseForeignBytes(before: end)
    entries = try readDirectory(end)
    try placeEntries(directory: end.directory.lowerBound)
  }

  private static func damaged(_ message: String, entry: String? = nil) -> CheckpointError {
    CheckpointError(
      entry: entry, "this zip archive is damaged: \(message)",
      advice: "it may be truncated; fetch or save it again")
  }

  // MARK: The end

  private struct End {
    let count: Int
    /// Where the central directory lies in the file.
    let directory: Range<Int>
    /// Where the archive says that its central directory begins, counted from its own first byte.
    let statedOffset: Int
  }

  /// The record whose comment reaches to the end of the file.
  private func findEnd() throws -> End {
    let tail = try bytes(
      from: max(0, file.size - Self.endSize - Self.maximumComment), to: file.size)
    for start in stride(from: tail.count - Self.endSize, through: 0, by: -1)
    where tail[start] == 0x50 && tail[start...].starts(with: Signature.end) {
      var reader = ByteReader(tail[start...])
      try reader.skip(8)
      _ = try reader.readLittleEndian(UInt16.self)
      let count = Int(try reader.readLittleEndian(UInt16.self))
      let size = Int(try reader.readLittleEndian(UInt32.self))
      let offset = Int(try reader.readLittleEndian(UInt32.self))
      let comment = Int(try reader.readLittleEndian(UInt16.self))
      guard start + Self.endSize + comment == tail.count else { continue }
      let position = file.size - tail.count + start
      if let large = try zip64End(before: position) { return large }
      guard size <= position else { break }
      return End(count: count, directory: position - size..<position, statedOffset: offset)
    }
    throw Self.damaged("no end of a central directory stands at the end of the file")
  }

  /// The 64-bit form of the record at `position`, which a locator announces.
  private func zip64End(before position: Int) throws -> End? {
    let start = position - Self.locatorSize - Self.zip64EndSize
    guard start >= 0 else { return nil }
    let records = try bytes(from: start, to: position)
    guard records[Self.zip64EndSize...].starts(with: Signature.zip64Locator) else { return nil }
    guard records.starts(with: Signature.zip64End) else {
      throw Self.damaged("its zip64 end of central directory is not where it should be")
    }
    var reader = ByteReader(records)
    try reader.skip(32)
    let count = try reader.readLittleEndian(UInt64.self)
    let size = try reader.readLittleEndian(UInt64.self)
    let offset = try reader.readLittleEndian(UInt64.self)
    guard let count = Int(exactly: count), let size = Int(exactly: size), size <= start,
      let offset = Int(exactly: offset)
    else { throw Self.damaged("its central directory cannot be as large as it says") }
    return End(count: count, directory: start - size..<start, statedOffset: offset)
  }

  private func refuseForeignBytes(before end: End) throws {
    let foreign = end.directory.lowerBound - end.statedOffset
    guard foreign != 0 else { return }
    guard foreign > 0 else { throw Self.damaged("its central directory is cut short") }
    let start = try bytes(from: foreign, to: min(foreign + 4, file.size))
    guard start == Signature.localHeader || start == Signature.end else {
      throw Self.damaged("\(foreign) bytes stand before it")
    }
    throw Self.severalArchives(at: foreign)
  }

  /// `torch.distributed.checkpoint` writes a `.distcp` shard as one `torch.save` after the other.
  private static func severalArchives(at position: Int) -> CheckpointError {
    CheckpointError(
      "this file is no single zip archive: another one begins at byte \(position), as in a .distcp "
        + "shard of torch.distributed.checkpoint",
      advice: "join a distributed checkpoint with torch.distributed.checkpoint.format_utils."
        + "dcp_to_torch_save; split any other file")
  }

  // MARK: The central directory

  private func readDirectory(_ end: End) throws -> [Entry] {
    let directory = try bytes(from: end.directory.lowerBound, to: end.directory.upperBound)
    var reader = ByteReader(directory)
    var entries: [Entry] = []
    do {
      for _ in 0..<end.count { entries.append(try Self.centralHeader(&reader)) }
    } catch is ByteReader.Truncated {
      throw Self.damaged(
        "its central directory ends after \(entries.count) of \(end.count) entries")
    }
    guard reader.isAtEnd else {
      throw Self.damaged("\(reader.remaining) bytes follow its central directory's last entry")
    }
    return entries
  }

  private static func centralHeader(_ reader: inout ByteReader) throws -> Entry {
    guard try reader.read(4).elementsEqual(Signature.centralHeader) else {
      throw damaged("its central directory holds something else at byte \(reader.position - 4)")
    }
    try reader.skip(4)
    let flags = try reader.readLittleEndian(UInt16.self)
    try reader.skip(6)
    let crc = try reader.readLittleEndian(UInt32.self)
    let packed = try reader.readLittleEndian(UInt32.self)
    let size = try reader.readLittleEndian(UInt32.self)
    let nameLength = Int(try reader.readLittleEndian(UInt16.self))
    let extraLength = Int(try reader.readLittleEndian(UInt16.self))
    let commentLength = Int(try reader.readLittleEndian(UInt16.self))
    try reader.skip(8)
    let offset = try reader.readLittleEndian(UInt32.self)
    let name = Array(try reader.read(nameLength))
    var large = try Zip64Field(try reader.read(extraLength))
    try reader.skip(commentLength)
    // The fields that overflow stand in the zip64 field in this order.
    let fullSize = try large.value(or: size)
    let fullPacked = try large.value(or: packed)
    return Entry(
      name: name, hasDescriptor: flags & 0x8 != 0, crc: crc, packedSize: fullPacked,
      size: fullSize, headerOffset: try large.value(or: offset))
  }

  /// The values of the zip64 extra field, taken one after the other.
  private struct Zip64Field {
    private var reader = ByteReader([])

    init(_ extra: ArraySlice<UInt8>) throws {
      var fields = ByteReader(extra)
      while fields.remaining >= 4 {
        let kind = try fields.readLittleEndian(UInt16.self)
        let length = Int(try fields.readLittleEndian(UInt16.self))
        // Padding need not be a well-formed field.
        guard length <= fields.remaining else { return }
        let content = try fields.read(length)
        if kind == 0x0001 { reader = ByteReader(content) }
      }
    }

    mutating func value(or small: UInt32) throws -> Int {
      guard small == .max else { return Int(small) }
      let large = try reader.readLittleEndian(UInt64.self)
      guard let value = Int(exactly: large) else { throw damaged("a size of \(large) bytes") }
      return value
    }
  }

  // MARK: The entries

  /// Finds each entry's data, and that the entries follow each other without a gap.
  private mutating func placeEntries(directory: Int) throws {
    var cursor = FileCursor(file)
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    for index in order {
      let entry = entries[index]
      let name = String(decoding: entry.name, as: UTF8.self)
      guard entry.headerOffset == cursor.position else {
        throw try gap(at: cursor.position, to: entry.headerOffset, before: name)
      }
      let header = try cursor.read(30, "a local header of the zip archive")
      guard header.starts(with: Signature.localHeader) else {
        throw Self.damaged("no local header at byte \(entry.headerOffset)", entry: name)
      }
      let nameLength = Int(header[26]) | Int(header[27]) << 8
      let extraLength = Int(header[28]) | Int(header[29]) << 8
      guard try cursor.read(nameLength, "an entry's name") == entry.name else {
        throw Self.damaged("an entry has another name in its local header", entry: name)
      }
      _ = try cursor.skip(extraLength, "an entry's extra field")
      entries[index].dataOffset = try cursor.skip(entry.packedSize, "the data of \(name)")
      if entry.hasDescriptor { try skipDescriptor(of: entry, name, &cursor) }
    }
    guard cursor.position == directory else {
      throw try gap(at: cursor.position, to: directory, before: "the central directory")
    }
  }

  private func gap(at position: Int, to next: Int, before what: String) throws -> CheckpointError {
    guard position < next else {
      return Self.damaged("an entry's data reaches into what follows it, \(what)")
    }
    let start = try bytes(from: position, to: min(position + 4, file.size))
    if start == Signature.localHeader || start == Signature.centralHeader {
      return Self.severalArchives(at: position)
    }
    return Self.damaged("\(next - position) bytes before \(what) belong to no entry")
  }

  /// The CRC and the sizes behind the data: with or without a signature, of 32 or 64 bits.
  private func skipDescriptor(
    of entry: Entry, _ name: String, _ cursor: inout FileCursor
  ) throws {
    let found = try bytes(
      from: cursor.position, to: min(cursor.position + 24 + 4, file.size))
    for signature in [Signature.descriptor, []] {
      for width in [4, 8] {
        var form = signature
        form.appendLittleEndian(entry.crc)
        for size in [entry.packedSize, entry.size] {
          form += (0..<width).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
        }
        // What follows begins with a signature, which tells a form from the start of a longer one.
        guard found.starts(with: form), found[form.count...].starts(with: [0x50, 0x4B]) else {
          continue
        }
        _ = try cursor.skip(form.count, "a data descriptor")
        return
      }
    }
    throw Self.damaged("its data descriptor says something else", entry: name)
  }

  private func bytes(from start: Int, to end: Int) throws -> [UInt8] {
    do {
      return try file.read(at: start, count: end - start)
    } catch {
      throw CheckpointError(error)
    }
  }
}
