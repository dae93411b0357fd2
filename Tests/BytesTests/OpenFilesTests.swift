import Bytes
import Foundation
import TestSupport
import Testing

@Suite("Many files, few of them open")
struct OpenFilesTests {
  /// So many that the first are closed while the last are read.
  private func files(_ folder: TemporaryFolder) throws -> [RandomAccessFile] {
    try (0..<200).map { number in
      let file = try RandomAccessFile(
        path: try folder.write("\(number)", [UInt8(number), UInt8(number) ^ 0xFF]))
      #expect(try file.readPrefix(1) == [UInt8(number)])
      return file
    }
  }

  @Test("each is read as if it were open, by several threads at once")
  func read() throws {
    let folder = try TemporaryFolder()
    let files = try files(folder)
    try parallelFor(4 * files.count, threads: 8) { index in
      let number = index * 7 % files.count
      let byte = try files[number].part(1..<2).readPrefix(1)
      #expect(byte == [UInt8(number) ^ 0xFF], "\(number)")
    }
  }

  @Test("one that another file replaced meanwhile is not read for it")
  func replaced() throws {
    let folder = try TemporaryFolder()
    let files = try files(folder)
    let other = try folder.write("other", [1, 2])
    try FileManager.default.removeItem(atPath: files[0].path)
    try FileManager.default.moveItem(atPath: other, toPath: files[0].path)
    #expect {
      try files[0].readPrefix(2)
    } throws: {
      ($0 as? FileSystemError)?.reason == "another file took its place while it was read"
    }
  }

  @Test("one that loses its name stays open")
  func nameless() throws {
    let folder = try TemporaryFolder()
    let file = try RandomAccessFile(path: try folder.write("x", [7]), losesName: true)
    try FileManager.default.removeItem(atPath: file.path)
    _ = try files(folder)
    #expect(try file.readPrefix(1) == [7])
  }
}
