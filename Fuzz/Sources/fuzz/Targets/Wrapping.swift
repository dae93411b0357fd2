/// Files around the part that is fuzzed, so that lengths and checksums are right and the reader
/// gets as far as that part.

/// Enough elements for any shape that a short header is likely to name.
private let elements = (0..<256).map { UInt8($0) }

func npyFile(header: [UInt8]) -> [UInt8] {
  [0x93] + "NUMPY".utf8 + [2, 0] + littleEndian(header.count, 4) + header + elements
}

func safetensorsFile(header: [UInt8]) -> [UInt8] {
  // The data must be as long as the header says: what follows a NUL is data.
  let parts = split(header, at: 0)
  return littleEndian(parts.first.count, 8) + parts.first + parts.second
}

func torchFile(pickle: [UInt8]) -> [UInt8] {
  storedZip([("archive/data.pkl", pickle), ("archive/data/0", elements)], withChecksums: true)
}

/// An index, the byte 0xFF, which no JSON holds, and the one shard `s` that it may name.
func readShards(_ bytes: [UInt8]) {
  let parts = split(bytes, at: 0xFF)
  _ = InputFile.write(parts.second, name: "s")
  readCheckpoint(parts.first, as: .safetensors)
}

/// The metadata of a distributed checkpoint and the files of two processes: the first two behind their
/// lengths, of two bytes each.
func readDistributed(_ bytes: [UInt8]) {
  var rest = bytes[...]
  let folder = InputFile.subfolder("distributed")
  let names = [".metadata", "__0_0.distcp", "__1_0.distcp"]
  for name in names {
    let length = rest.prefix(2).reversed().reduce(0) { $0 << 8 | Int($1) }
    let part = name == names.last ? rest : rest.dropFirst(2).prefix(length)
    rest = rest.dropFirst(2 + length)
    _ = InputFile.write(Array(part), name: "distributed/\(name)")
  }
  readCheckpoint(at: folder, as: .dcp)
}

func split(_ bytes: [UInt8], at separator: UInt8) -> (first: [UInt8], second: [UInt8]) {
  let end = bytes.firstIndex(of: separator) ?? bytes.endIndex
  return (Array(bytes[..<end]), Array(bytes[end...].dropFirst()))
}

func littleEndian(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
