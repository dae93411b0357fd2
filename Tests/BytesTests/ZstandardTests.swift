import Bytes
import TestSupport
import Testing

@Suite("Zstandard")
struct ZstandardTests {
  /// `count` blocks of 128 KiB of the byte 7, four bytes each.
  private func frame(blocks count: Int) -> [UInt8] {
    let size = UInt32(count << 17)
    var bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0]
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: size >> UInt32(8 * $0)) }
    for block in 1...count {
      let header = UInt32(1 << 20) | 2 | (block == count ? 1 : 0)
      bytes += (0..<3).map { UInt8(truncatingIfNeeded: header >> UInt32(8 * $0)) } + [7]
    }
    return bytes
  }

  private func decompress(_ packed: [UInt8], limit: Int) -> [UInt8]? {
    Zstandard.decompress(packed.span, limit: limit)
  }

  @Test("a frame gives its bytes, and none beyond the limit")
  func limit() {
    let packed = frame(blocks: 3)
    #expect(decompress(packed, limit: 3 << 17) == [UInt8](repeating: 7, count: 3 << 17))
    #expect(decompress(packed, limit: 3 << 17 - 1) == nil)
    #expect(decompress(packed.dropLast(), limit: 3 << 17) == nil)
    #expect(decompress([1, 2, 3], limit: 10) == nil)
  }

  /// Feeds `packed` in pieces of `fed` bytes, and returns how many come out; `nil` for damage.
  private func feed(
    _ packed: [UInt8], _ stream: ZstandardStream, fed: Int, pieceSize: Int
  ) throws -> Int? {
    var total = 0
    for start in stride(from: 0, to: packed.count, by: fed) {
      let part = Array(packed[start..<min(start + fed, packed.count)])
      let isSound = try stream.feed(part.span) { piece in
        #expect(piece.count <= pieceSize)
        total += piece.count
      }
      guard isSound else { return nil }
    }
    return total
  }

  @Test("a frame that comes byte by byte is unpacked in pieces, whatever their size")
  func stream() throws {
    for pieceSize in [1000, 1 << 20] {
      let stream = try #require(ZstandardStream(pieceSize: pieceSize))
      let total = try feed(frame(blocks: 3), stream, fed: 1, pieceSize: pieceSize)
      #expect(total == 3 << 17)
      #expect(stream.isAtEnd)
    }
  }

  @Test("a frame that is cut short has not ended, and a damaged one is found")
  func damage() throws {
    let stream = try #require(ZstandardStream(pieceSize: 100))
    _ = try feed(frame(blocks: 2).dropLast(), stream, fed: 100, pieceSize: 100)
    #expect(!stream.isAtEnd)
    let other = try #require(ZstandardStream(pieceSize: 100))
    #expect(try feed([9, 9, 9, 9, 9], other, fed: 5, pieceSize: 100) == nil)
  }
}

@Suite("CRC-32C")
struct CRC32CTests {
  private func crc(_ parts: [UInt8]...) -> UInt32 {
    var crc = CRC32C()
    for part in parts { crc.update(part.span) }
    return crc.value
  }

  @Test("gives the values of RFC 3720, in one piece and in several")
  func values() {
    let ramp = (0..<32).map { UInt8($0) }
    #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
    #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(crc(ramp) == 0x46DD_794E)
    #expect(crc(Array(ramp[..<3]), Array(ramp[3..<20]), Array(ramp[20...])) == 0x46DD_794E)
  }
}
