import Bytes
import CheckpointCore
import Synchronization

/// Writes a zip archive of stored entries, all at once and in parallel.
///
/// Sizes are known beforehand, so every entry's place is: entries are produced on several threads
/// and written where they belong, their headers once their checksums are known. libzip writes
/// entries one after the other through a second temporary file and cannot align them.
///
///     local header (30 bytes) | name | extra field | data     once per entry
///     central directory header (46 bytes) | name | extra      once per entry
///     zip64 end of central directory + locator                where a field overflows
///     end of central directory (22 bytes)
///
/// The extra field `FB` pads each entry's data to a multiple of 64 bytes, as `torch.save` does,
/// so that it can be memory-mapped. Times are 1980-01-01: equal input gives equal bytes.
/// Source: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
struct StoredZipWriter {
  struct Member: Sendable {
    let name: String
    /// Bytes before the streamed part.
    var header: [UInt8] = []
    var tensor: OutputTensor?

    var size: Int { header.count + (tensor?.byteCount ?? 0) }
  }

  /// A last member whose bytes follow from the checksums of those before it.
  struct Trailer {
    let name: String
    let size: Int
    let content: ([UInt32]) -> [UInt8]
  }

  private static let alignment = 64
  private static let paddingField: UInt16 = 0x4246
  private static let zip64Field: UInt16 = 0x0001

  private struct Placed {
    let name: String
    let size: Int
    let offset: Int
    let localHeader: Int
    var dataOffset: Int { offset + localHeader }
    var needsZip64: Bool { size >= 0xFFFF_FFFF }
  }

  private let file: AtomicFile

  static func write(
    _ members: [Member], trailer: Trailer? = nil, to file: AtomicFile, work: WorkLimits
  ) throws {
    try StoredZipWriter(file: file).write(members, trailer, work)
  }

  private func write(_ members: [Member], _ trailer: Trailer?, _ work: WorkLimits) throws {
    var sizes = members.map { ($0.name, $0.size) }
    if let trailer { sizes.append((trailer.name, trailer.size)) }
    let placed = try place(sizes)
    let checksums = Mutex([CRC32](repeating: CRC32(), count: placed.count))
    var data: [(index: Int, placed: PlacedTensor)] = []
    for (index, member) in members.enumerated() {
      try file.writeChecked(member.header.span, at: placed[index].dataOffset)
      checksums.withLock { $0[index].update(member.header.span) }
      if let tensor = member.tensor {
        let offset = placed[index].dataOffset + member.header.count
        data.append((index, PlacedTensor(tensor: tensor, offset: offset)))
      }
    }
    // Each tensor's chunks come in order and from one thread, so its checksum is kept apart from
    // the lock while a chunk is summed.
    let places = data.map(\.index)
    try file.write(data.map(\.placed), work: work) { index, chunk in
      var crc = checksums.withLock { $0[places[index]] }
      crc.update(chunk)
      checksums.withLock { [crc] in $0[places[index]] = crc }
    }
    var crcs = checksums.withLock { $0.map(\.value) }
    if let trailer {
      let content = trailer.content(Array(crcs.dropLast()))
      try file.writeChecked(content.span, at: placed[members.count].dataOffset)
      crcs[members.count] = CRC32.of(content)
    }
    for (entry, crc) in zip(placed, crcs) {
      try file.writeChecked(localHeader(entry, crc).span, at: entry.offset)
    }
    let end = placed.last.map { $0.dataOffset + $0.size } ?? 0
    try file.writeChecked(directory(placed, crcs, at: end).span, at: end)
  }

  private func place(_ members: [(name: String, size: Int)]) throws -> [Placed] {
    var offset = 0
    return try members.map { name, size in
      guard name.utf8.count <= 0xFF00 else {
        throw CheckpointError(
          entry: name, "a zip entry's name cannot be longer than 65,280 bytes",
          advice: "choose another format with --to")
      }
      let isPlain = name.utf8.allSatisfy { $0 < 0x80 } || !name.utf8.contains { $0 < 0x20 }
      guard isPlain, !name.utf8.contains(0) else {
        throw CheckpointError(
          entry: name, "a zip entry cannot have this name: control characters beside other letters",
          advice: "choose another format with --to")
      }
      let fixed = 30 + name.utf8.count + (size >= 0xFFFF_FFFF ? 20 : 0) + 4
      let header = (offset + fixed).roundedUp(toMultipleOf: Self.alignment) - offset
      defer { offset += header + size }
      return Placed(name: name, size: size, offset: offset, localHeader: header)
    }
  }

  /// Version 4.5 (zip64) or 2.0; UTF-8 names; method 0; time 00:00, date 1980-01-01.
  private func commonFields(_ entry: Placed, _ crc: UInt32, zip64: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(UInt16(zip64 ? 45 : 20))
    // The flag for UTF-8, which libzip does not believe of names with control characters.
    let hasControls = entry.name.utf8.contains { $0 < 0x20 }
    bytes.appendLittleEndian(UInt16(hasControls ? 0 : 0x0800))
    bytes.appendLittleEndian(UInt16(0))
    bytes.appendLittleEndian(UInt16(0))
    bytes.appendLittleEndian(UInt16(0x0021))
    bytes.appendLittleEndian(crc)
    let size = entry.needsZip64 ? 0xFFFF_FFFF : UInt32(entry.size)
    bytes.appendLittleEndian(size)
    bytes.appendLittleEndian(size)
    bytes.appendLittleEndian(UInt16(entry.name.utf8.count))
    return bytes
  }

  private func localHeader(_ entry: Placed, _ crc: UInt32) -> [UInt8] {
    var extra: [UInt8] = []
    if entry.needsZip64 { appendZip64(to: &extra, [entry.size, entry.size]) }
    let padding = entry.localHeader - 30 - entry.name.utf8.count - extra.count - 4
    extra.appendLittleEndian(Self.paddingField)
    extra.appendLittleEndian(UInt16(padding))
    extra += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)

    var bytes: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
    bytes += commonFields(entry, crc, zip64: entry.needsZip64)
    bytes.appendLittleEndian(UInt16(extra.count))
    return bytes + entry.name.utf8 + extra
  }

  private func appendZip64(to extra: inout [UInt8], _ values: [Int]) {
    extra.appendLittleEndian(Self.zip64Field)
    extra.appendLittleEndian(UInt16(8 * values.count))
    for value in values { extra.appendLittleEndian(UInt64(value)) }
  }

  private func centralHeader(_ entry: Placed, _ crc: UInt32) -> [UInt8] {
    var large: [Int] = entry.needsZip64 ? [entry.size, entry.size] : []
    let farAway = entry.offset >= 0xFFFF_FFFF
    if farAway { large.append(entry.offset) }
    var extra: [UInt8] = []
    if !large.isEmpty { appendZip64(to: &extra, large) }

    var bytes: [UInt8] = [0x50, 0x4B, 0x01, 0x02]
    bytes.appendLittleEndian(UInt16(45))
    bytes += commonFields(entry, crc, zip64: !large.isEmpty)
    bytes.appendLittleEndian(UInt16(extra.count))
    // Comment length, disk number, internal and external attributes.
    bytes += [UInt8](repeating: 0, count: 2 + 2 + 2 + 4)
    bytes.appendLittleEndian(farAway ? 0xFFFF_FFFF : UInt32(entry.offset))
    return bytes + entry.name.utf8 + extra
  }

  private func directory(_ entries: [Placed], _ crcs: [UInt32], at start: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for (entry, crc) in zip(entries, crcs) { bytes += centralHeader(entry, crc) }
    let size = bytes.count
    if entries.count >= 0xFFFF || start >= 0xFFFF_FFFF || size >= 0xFFFF_FFFF {
      appendZip64End(to: &bytes, count: entries.count, size: size, start: start)
    }
    bytes += [0x50, 0x4B, 0x05, 0x06, 0, 0, 0, 0]
    bytes.appendLittleEndian(UInt16(min(entries.count, 0xFFFF)))
    bytes.appendLittleEndian(UInt16(min(entries.count, 0xFFFF)))
    bytes.appendLittleEndian(UInt32(min(size, 0xFFFF_FFFF)))
    bytes.appendLittleEndian(UInt32(min(start, 0xFFFF_FFFF)))
    bytes.appendLittleEndian(UInt16(0))
    return bytes
  }

  private func appendZip64End(to bytes: inout [UInt8], count: Int, size: Int, start: Int) {
    bytes += [0x50, 0x4B, 0x06, 0x06]
    bytes.appendLittleEndian(UInt64(44))
    bytes.appendLittleEndian(UInt16(45))
    bytes.appendLittleEndian(UInt16(45))
    bytes.appendLittleEndian(UInt64(0))
    for value in [count, count, size, start] { bytes.appendLittleEndian(UInt64(value)) }
    bytes += [0x50, 0x4B, 0x06, 0x07, 0, 0, 0, 0]
    bytes.appendLittleEndian(UInt64(start + size))
    bytes.appendLittleEndian(UInt32(1))
  }
}
