import Bytes
import Foundation
import TestSupport
import Testing

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

  @Test("are removed by an interrupt's clean-up")
  func cleanUp() throws {
    let folder = try TemporaryFolder()
    let file = try AtomicFile(path: folder.file("a"), overwrite: false)
    TemporaryFiles.shared.removeAll()
    #expect(try folder.contents().isEmpty)
    _ = file
  }
}
