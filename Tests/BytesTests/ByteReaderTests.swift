import Bytes
import Testing

@Suite("Bounds-checked reading")
struct ByteReaderTests {
  @Test("reads integers of both byte orders")
  func integers() throws {
    var reader = ByteReader([1, 2, 3, 4, 0, 0, 0, 5])
    #expect(try reader.readLittleEndian(UInt16.self) == 0x0201)
    #expect(try reader.readLittleEndian(UInt16.self) == 0x0403)
    #expect(try reader.readBigEndian(UInt32.self) == 5)
    #expect(reader.isAtEnd)
  }

  @Test("says where and by how much the data is too short")
  func truncation() {
    var reader = ByteReader([1, 2, 3])
    #expect(throws: ByteReader.Truncated(position: 0, needed: 4, available: 3)) {
      try reader.readLittleEndian(UInt32.self)
    }
    #expect(throws: ByteReader.Truncated(position: 0, needed: -1, available: 3)) {
      try reader.read(-1)
    }
    #expect(throws: ByteReader.Truncated.self) { try reader.readLine() }
  }

  @Test("multiplies extents without overflow, and zero wins")
  func products() {
    #expect(checkedProduct([2, 3, 4]) == 24)
    #expect(checkedProduct([Int.max, 2]) == nil)
    #expect(checkedProduct([Int.max, 2, 0]) == 0)
    #expect(checkedProduct([]) == 1)
  }
}
