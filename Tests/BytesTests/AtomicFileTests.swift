import Foundation
import TestSupport
import Testing

@testable import Bytes

@Suite("Atomic files")
struct AtomicFileTests {
  @Test("appear only when committed, with exactly what was written")
  func commit() throws {
    let folder = try TemporaryFolder()
    do {
      let file = try AtomicFile(path: folder.file("a"), overwrite: false)
      try file.write([3, 4].span, at: 2)
      try file.write([1, 2].span, at: 0)
      #expect(!FileManager.default.fileExists(atPath: folder.file("a")))
      try file.commit()
    }
    #expect(try fileBytes(folder.file("a")) == [1, 2, 3, 4])
    #expect(try folder.contents() == ["a"])
  }

  @Test("leave nothing behind when they are given up")
  func abandon() throws {
    let folder = try TemporaryFolder()
    do {
      let file = try AtomicFile(path: folder.file("a"), overwrite: false)
      try file.write([1].span, at: 0)
      #expect(try folder.contents().count == 1)
    }
    #expect(try folder.contents().isEmpty)
  }

  @Test("do not replace a file that is there, or that appears meanwhile")
  func noOverwrite() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", [9])
    #expect(throws: FileSystemError.self) { try AtomicFile(path: path, overwrite: false) }
    let file = try AtomicFile(path: folder.file("b"), overwrite: false)
    _ = try folder.write("b", [8])
    #expect(throws: FileSystemError.self) { try file.commit() }
    #expect(try fileBytes(folder.file("b")) == [8])
  }

  @Test("write through a symbolic link")
  func link() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("target", [9])
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: folder.file("target"))
    let file = try AtomicFile(path: folder.file("link"), overwrite: true)
    try file.write([1].span, at: 0)
    try file.commit()
    #expect(try fileBytes(folder.file("target")) == [1])
  }

  @Test("a name of 255 bytes leaves room for the temporary one", arguments: ["n", "é"])
  func longName(_ letter: String) throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: letter, count: 254 / letter.utf8.count)
    let file = try AtomicFile(path: folder.file(name), overwrite: false)
    #expect(try folder.contents().allSatisfy { $0.hasSuffix(".partial") })
    try file.commit()
    #expect(try folder.contents() == [name])
  }

  @Test("a file that is replaced hands on its mode")
  func mode() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", [9])
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    let file = try AtomicFile(path: path, overwrite: true)
    try file.commit()
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
    #expect(mode as? Int == 0o640)
  }

  @Test("a file that is replaced hands on its owner", .enabled(if: geteuid() == 0))
  func owner() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", [9])
    try #require(chown(path, 4321, 8765) == 0)
    let file = try AtomicFile(path: path, overwrite: true)
    try file.commit()
    var status = stat()
    try #require(stat(path, &status) == 0)
    #expect([status.st_uid, status.st_gid] == [4321, 8765])
  }

  @Test("several are committed together: where one cannot be, the others are taken away again")
  func together() throws {
    let folder = try TemporaryFolder()
    do {
      let files = try ["a", "b"].map { try AtomicFile(path: folder.file($0), overwrite: false) }
      _ = try folder.write("b", [8])
      #expect(throws: FileSystemError.self) { try AtomicFile.commit(files) }
    }
    #expect(try folder.contents() == ["b"])
  }

  @Test("no way of giving a name replaces what has it", arguments: RenameWithoutReplacing.allCases)
  func ways(_ way: RenameWithoutReplacing) throws {
    let folder = try TemporaryFolder()
    let (new, old) = (try folder.write("new", [1]), try folder.write("old", [9]))
    #expect(way.move(new, to: old) == EEXIST)
    #expect(try fileBytes(old) == [9])
    #expect(way.move(new, to: folder.file("free")) == 0)
    #expect(try folder.contents() == ["free", "old"])
    #expect(try fileBytes(folder.file("free")) == [1])
  }
}

@Suite("What a killed run left behind")
struct LeftoverTests {
  /// The number of a process that has ended.
  private func endedProcess() throws -> pid_t {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/true")
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }

  @Test("is swept by a later run of the same output, another's is not")
  func sweep() throws {
    let folder = try TemporaryFolder()
    let ended = try endedProcess()
    for name in ["a.\(ended).partial", "a.\(ended)-1.partial", "b.\(ended).partial", "a.x.partial"]
    {
      _ = try folder.write(name, [1])
    }
    AtomicFile.sweepLeftovers(of: folder.file("a"))
    #expect(try folder.contents() == ["a.x.partial", "b.\(ended).partial"])
  }

  @Test("is swept of outputs with long names too, each by its own")
  func longNames() throws {
    let folder = try TemporaryFolder()
    let ended = try endedProcess()
    let stem = String(repeating: "n", count: 230)
    let names = ["\(stem)1.pt", "\(stem)2.pt"]
    for name in names {
      _ = try folder.write("\(AtomicFile.nameInTemporaries(of: name)).\(ended).partial", [1])
    }
    #expect(try folder.contents().count == 2)
    AtomicFile.sweepLeftovers(of: folder.file(names[0]))
    #expect(
      try folder.contents() == [
        "\(AtomicFile.nameInTemporaries(of: names[1])).\(ended).partial"
      ])
  }

  @Test("includes the empty file that held the output's name, and no other")
  func reservation() throws {
    let folder = try TemporaryFolder()
    let ended = try endedProcess()
    for (name, content) in [("a", []), ("b", [1]), ("c", [])] as [(String, [UInt8])] {
      _ = try folder.write(name, content)
    }
    for name in ["a", "b"] { _ = try folder.write("\(name).\(ended).partial", [1]) }
    for name in ["a", "b", "c"] { AtomicFile.sweepLeftovers(of: folder.file(name)) }
    #expect(try folder.contents() == ["b", "c"])
  }

  @Test("is not swept while its process lives, or where something holds one of its files")
  func held() throws {
    let folder = try TemporaryFolder()
    let live = try AtomicFile(path: folder.file("a"), overwrite: false)
    let ended = try endedProcess()
    let held = try folder.write("a.\(ended).partial", [1])
    _ = try folder.write("a.\(ended)-1.partial", [1])
    let handle = try #require(FileHandle(forReadingAtPath: held))
    #expect(flock(handle.fileDescriptor, LOCK_EX) == 0)
    AtomicFile.sweepLeftovers(of: folder.file("a"))
    #expect(try folder.contents().count == 3)
    try handle.close()
    AtomicFile.sweepLeftovers(of: folder.file("a"))
    #expect(try folder.contents() == [URL(fileURLWithPath: live.temporaryPath).lastPathComponent])
  }
}
