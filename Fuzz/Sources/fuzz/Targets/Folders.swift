/// Folders around the part of an Orbax checkpoint that is fuzzed.

/// The body of a tree node, to which a sound manifest leads; it may refer to itself as a data file.
func readOCDBTNode(_ body: [UInt8]) {
  let folder = InputFile.subfolder("node")
  let node = structure([0x0C, 0xDB, 0x20, 0xDE], body)
  _ = InputFile.write(node, name: "node/d")
  let root: [UInt8] = [1, 1, 0, UInt8(ascii: "d"), 1, 1, body.first ?? 0, 0, 0]
  let versions = root + number(node.count) + [UInt8](repeating: 0, count: 12)
  let manifest = configuration + versions
  _ = InputFile.write(structure([0x0C, 0xDB, 0x3A, 0x2A], manifest), name: "node/manifest.ocdbt")
  readCheckpoint(at: folder, as: nil)
}

/// The body of a manifest, beside a file that it may take for a node.
func readOCDBTManifest(_ body: [UInt8]) {
  let folder = InputFile.subfolder("manifest")
  _ = InputFile.write(
    structure([0x0C, 0xDB, 0x20, 0xDE], [0, 0, 1, 1, 1, 0, UInt8(ascii: "x"), 7]),
    name: "manifest/d")
  _ = InputFile.write(structure([0x0C, 0xDB, 0x3A, 0x2A], body), name: "manifest/manifest.ocdbt")
  readCheckpoint(at: folder, as: nil)
}

/// The metadata of an array, of either version; behind 0xFF, which no JSON holds, its first chunk.
func readZarr(_ bytes: [UInt8]) {
  let (metadata, chunk) = split(bytes, at: 0xFF)
  for (name, file, key) in [("zarr2", ".zarray", "0.0"), ("zarr3", "zarr.json", "c.0.0")] {
    let folder = InputFile.subfolder(name)
    _ = InputFile.write(metadata, name: "\(name)/\(file)")
    _ = InputFile.write(chunk, name: "\(name)/\(key)")
    readCheckpoint(at: folder, as: nil)
  }
}

/// Of a database without compression whose manifest holds the versions.
private let configuration = [UInt8](repeating: 7, count: 16) + [0, 100, 100, 4, 0]

private func number(_ value: Int) -> [UInt8] {
  value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + number(value >> 7)
}

private func structure(_ magic: [UInt8], _ body: [UInt8]) -> [UInt8] {
  let head = magic + littleEndian(18 + body.count, 8) + [0, 0] + body
  return head + littleEndian(Int(crc32c(head)), 4)
}

private func crc32c(_ bytes: [UInt8]) -> UInt32 {
  var crc: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
  }
  return ~crc
}
