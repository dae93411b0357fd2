import CheckpointCore

/// LZF, the compression that h5py calls by this name: runs of literals and references back.
///
///     000nnnnn                     n + 1 literal bytes follow
///     nnnooooo oooooooo            n + 2 bytes from o + 1 bytes back
///     111ooooo nnnnnnnn oooooooo   n + 9 bytes from o + 1 bytes back
///
/// Source: the description of the format in liblzf's lzf_d.c.
enum LZF {
  /// - Parameter limit: bytes that may come of it, at most.
  static func decompress(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(limit)
    var next = 0
    func take() throws -> Int {
      guard next < bytes.count else { throw damaged }
      defer { next += 1 }
      return Int(bytes[next])
    }
    while next < bytes.count {
      let control = try take()
      if control < 32 {
        guard next + control < bytes.count, output.count + control < limit else { throw damaged }
        output += bytes[next...next + control]
        next += control + 1
        continue
      }
      var length = control >> 5
      if length == 7 { length += try take() }
      let distance = ((control & 0x1F) << 8) + (try take()) + 1
      guard distance <= output.count, output.count + length + 2 <= limit else { throw damaged }
      // Byte by byte: a reference may reach into what it makes.
      for _ in 0..<length + 2 { output.append(output[output.count - distance]) }
    }
    return output
  }

  private static var damaged: CheckpointError {
    CheckpointError(
      "a chunk is no valid LZF data", advice: "the file is damaged; fetch or save it again")
  }
}
