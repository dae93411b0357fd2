import Bytes

/// Red, green, blue, from 0 to 255.
struct Colour: Sendable, Equatable {
  let red: UInt8
  let green: UInt8
  let blue: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// What stands for a pixel that is NaN or infinite.
  static let notANumber = Colour(255, 0, 255)

  /// Fractions of full intensity, clamped to 0…1.
  init(red: Double, green: Double, blue: Double) {
    guard red.isFinite, green.isFinite, blue.isFinite else {
      self = .notANumber
      return
    }
    func byte(_ value: Double) -> UInt8 { UInt8((min(max(value, 0), 1) * 255).rounded()) }
    self.init(byte(red), byte(green), byte(blue))
  }
}

/// A picture in memory, rows from the top.
struct Bitmap {
  let width: Int
  let height: Int
  private var bytes: [UInt8]

  init(width: Int, height: Int, background: Colour) {
    self.width = width
    self.height = height
    bytes = (0..<width * height).flatMap { _ in
      [background.red, background.green, background.blue]
    }
  }

  subscript(x: Int, y: Int) -> Colour {
    get {
      let start = 3 * (y * width + x)
      return Colour(bytes[start], bytes[start + 1], bytes[start + 2])
    }
    set {
      let start = 3 * (y * width + x)
      (bytes[start], bytes[start + 1], bytes[start + 2]) = (
        newValue.red, newValue.green, newValue.blue
      )
    }
  }

  /// The picture as a PNG file (ISO/IEC 15948): 8-bit RGB, rows unfiltered.
  func png() -> [UInt8] {
    var rows: [UInt8] = []
    rows.reserveCapacity((3 * width + 1) * height)
    for y in 0..<height { rows += [0] + bytes[3 * y * width..<3 * (y + 1) * width] }
    let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", header) + chunk("IDAT", Deflate.zlib(rows)) + chunk("IEND", [])
  }

  private func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return bigEndian(data.count) + body + bigEndian(Int(CRC32.of(body)))
  }

  private func bigEndian(_ value: Int) -> [UInt8] {
    (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
