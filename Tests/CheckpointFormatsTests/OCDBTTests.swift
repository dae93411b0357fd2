import CheckpointCore
import CheckpointFormats
import Foundation
import TestSupport
import Testing

private let metadata = Array(
  #"{"zarr_format":2,"shape":[1],"chunks":[1],"dtype":"|u1","order":"C","compressor":null}"#.utf8)

/// A database with the manifest `manifest` and the data file `d`, and a file outside it.
private func database(_ manifest: [UInt8], _ data: [UInt8]) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  try FileManager.default.createDirectory(
    atPath: folder.file("db"), withIntermediateDirectories: true)
  _ = try folder.write("db/manifest.ocdbt", manifest)
  _ = try folder.write("db/d", data)
  _ = try folder.write("outside", data)
  return folder
}

private func error(_ folder: TemporaryFolder) -> String {
  do {
    let checkpoint = try Checkpoint(path: folder.file("db"))
    return "opened with \(checkpoint.entries.count) entries"
  } catch {
    return "\(error)"
  }
}

private typealias Encoding = OCDBTEncoding

@Suite("OCDBT databases that no writer makes")
struct OCDBTTests {
  @Test("what the encoding of these tests makes is read: keys joined on the way from the root")
  func sound() throws {
    let leaf = Encoding.leaf([("x/.zarray", metadata), ("x/0", [7])])
    let inner = Encoding.inner(
      height: 1, Encoding.table("d"), [("a", 0, leaf.count), ("b", 0, leaf.count)])
    let folder = try database(
      Encoding.manifest(
        height: 1, Encoding.table("d"), offset: leaf.count, length: inner.count), leaf + inner)
    let checkpoint = try Checkpoint(path: folder.file("db"))
    #expect(checkpoint.tensors.map(\.name) == ["ax", "bx"])
    for tensor in checkpoint.tensors { #expect(try checkpoint.reader.read(tensor) == [7]) }
  }

  @Test("a node that is its own child is an error, as is one that points at its parent")
  func loops() throws {
    // The length of a node depends on its numbers; offsets of 0 keep it.
    let length = Encoding.inner(height: 1, Encoding.table("d"), [("", 0, 99)]).count
    let own = Encoding.inner(height: 1, Encoding.table("d"), [("", 0, length)])
    let folder = try database(
      Encoding.manifest(height: 1, Encoding.table("d"), offset: 0, length: length), own)
    #expect(error(folder).contains("d, byte 0: a tree node of height 1, 0 expected"))
  }

  @Test("a branch that is taken again and again ends at a limit")
  func explosion() throws {
    var data = Encoding.leaf([("x", [1])])
    var last = (offset: 0, length: data.count)
    for height in 1...5 {
      let children = (0..<100).map { number in
        (key: String(1000 + number), offset: last.offset, length: last.length)
      }
      let node = Encoding.inner(height: height, Encoding.table("d"), children)
      last = (data.count, node.count)
      data += node
    }
    let folder = try database(
      Encoding.manifest(height: 5, Encoding.table("d"), offset: last.offset, length: last.length),
      data)
    #expect(error(folder).contains("more than 100000 tree nodes, which no checkpoint has"))
  }

  @Test(
    "paths that lead out of the folder are refused, though the file is there",
    arguments: ["../outside", "/etc/hostname", "d/../../outside", "x//d", "./d"])
  func outside(_ path: String) throws {
    let leaf = Encoding.leaf([("x/.zarray", metadata), ("x/0", [7])])
    let folder = try database(
      Encoding.manifest(height: 0, Encoding.table(path), offset: 0, length: leaf.count), leaf)
    #expect(error(folder).contains("this path of a file of the checkpoint leads out of its folder"))
  }

  @Test("a reference beyond its file is an error, and so is one that overflows")
  func references() throws {
    let leaf = Encoding.leaf([("x", [7])])
    for (offset, length) in [(1, leaf.count), (0, leaf.count + 1), (Int.max, 2), (2, Int.max)] {
      let folder = try database(
        Encoding.manifest(height: 0, Encoding.table("d"), offset: offset, length: length), leaf)
      #expect(error(folder).contains("are referred to, the file has \(leaf.count)"))
    }
  }

  @Test("counts, lengths and columns that the node does not hold are errors")
  func columns() throws {
    let bodies: [(body: [UInt8], message: String)] = [
      ([], "it ends early"),
      ([0] + Encoding.numbers(0, 0), "0 entries, 1 to 1048576 expected"),
      ([0] + Encoding.numbers(0, 200), "200 entries claimed, 0 bytes remain"),
      ([0] + Encoding.numbers(1 << 40), "data files claimed"),
      ([0] + Encoding.numbers(0, 1, 9) + Array("x".utf8), "it ends early: 9 bytes claimed"),
      ([0] + Encoding.numbers(0, 1, 70000) + [0, 0], "the lengths of key 0 do not fit"),
      ([0] + Encoding.numbers(0, 2, 5, 1, 1) + Array("ab".utf8), "the lengths of key 1 do not fit"),
      ([0] + Encoding.numbers(0, 2, 0, 1, 1) + Array("ba".utf8), "key 1 does not follow"),
      ([0] + Encoding.numbers(0, 1, 1) + Array("x".utf8) + [3, 2], "a value of unknown kind"),
      ([0] + Encoding.numbers(0, 1, 1) + Array("x".utf8) + [3, 1, 5, 0], "data file 5 of 0"),
      ([0] + Encoding.numbers(0, 1, 1) + Array("x".utf8) + [1, 0, 9, 9], "1 bytes follow its end"),
      ([0] + [UInt8](repeating: 0xFF, count: 11), "a number of more than 64 bits"),
    ]
    for (body, message) in bodies {
      let node = Encoding.node(body)
      let folder = try database(
        Encoding.manifest(height: 0, Encoding.table("d"), offset: 0, length: node.count), node)
      #expect(error(folder).contains(message), "\(error(folder))")
    }
  }

  @Test("a few bytes that unpack to gigabytes are refused before they are there")
  func bomb() throws {
    // A frame that says it has 4 GB, of one block of 128 KiB that stands for itself repeated.
    var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0xF0]
    for _ in 0..<3000 { frame += [0x02, 0x00, 0x10, 0x00] }
    let node = Encoding.node(frame, compression: 1)
    let folder = try database(
      Encoding.manifest(height: 0, Encoding.table("d"), offset: 0, length: node.count), node)
    #expect(error(folder).contains("it does not decompress to at most 268435456 bytes"))
  }

  @Test("a manifest of another kind, version or compression is named")
  func manifests() throws {
    let uuid = [UInt8](repeating: 7, count: 16)
    func manifest(_ body: [UInt8], compression: Int = 0) -> [UInt8] {
      Encoding.structure([0x0C, 0xDB, 0x3A, 0x2A], body, compression: compression)
    }
    let kinds: [([UInt8], String)] = [
      (manifest(uuid + [2]), "manifest kind 2 is not known"),
      (manifest(uuid + [0, 100, 100, 0]), "a version tree of 2^0 branches"),
      (manifest(uuid + [0, 100, 100, 4, 9]), "compression 9 is not known"),
      (manifest(uuid, compression: 2), "compression 2 is not known"),
      (
        manifest(uuid + [1, 100, 100, 4, 0]), "numbered manifests hold the versions; there is none"
      ),
      (Array("\u{0C}other".utf8) + [UInt8](repeating: 0, count: 20), "it should begin with 0x"),
      ([], "0 bytes, too few for one"),
    ]
    for (bytes, message) in kinds {
      let folder = try database(bytes, [])
      #expect(error(folder).contains(message), "\(error(folder))")
    }
  }
}
