import Bytes
import Testing

@Test("CRC-32 of the check string of the CRC catalogue, in one piece and in two")
func crc32() {
  #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926)
  var parts = CRC32()
  parts.update(Array("1234".utf8).span)
  parts.update(Array("56789".utf8).span)
  #expect(parts.value == 0xCBF4_3926)
}
