import CheckpointCore

/// The little-endian bytes of 0, 1, 2, … as `dtype`: what the fixtures hold.
public func rampBytes(_ dtype: DType, count: Int) -> [UInt8] {
  (0..<count).flatMap { element(Double($0), dtype, index: $0) }
}

private func element(_ value: Double, _ dtype: DType, index: Int) -> [UInt8] {
  func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  switch dtype {
  case .bool: return [index % 2 == 1 ? 1 : 0]
  case .uint8, .int8: return [UInt8(value)]
  case .uint16, .int16: return bytes(UInt16(value))
  case .uint32, .int32: return bytes(UInt32(value))
  case .uint64, .int64: return bytes(UInt64(value))
  case .float16: return bytes(Float16(value).bitPattern)
  case .bfloat16: return Array(bytes(Float(value).bitPattern).suffix(2))
  case .float32: return bytes(Float(value).bitPattern)
  case .float64: return bytes(value.bitPattern)
  case .complex64: return bytes(Float(value).bitPattern) + [0, 0, 0, 0]
  case .complex128: return bytes(value.bitPattern) + [UInt8](repeating: 0, count: 8)
  case .complex32: return bytes(Float16(value).bitPattern) + [0, 0]
  case .float8_e4m3fn: return [[0x00, 0x38, 0x40, 0x44, 0x48, 0x4A][index]]
  case .float8_e5m2: return [[0x00, 0x3C, 0x40, 0x42, 0x44, 0x45][index]]
  case .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu, .float4_e2m1fn_x2: return []
  }
}
