/// The numbers in a chunk of little-endian elements, as float64, which holds all but the largest
/// 64-bit integers exactly. An element of several numbers gives them in turn: the real and the imaginary
/// part of a complex one.
package func decodeDoubles(_ bytes: Span<UInt8>, _ dtype: DType, into values: inout [Double]) {
  values.removeAll(keepingCapacity: true)
  switch dtype {
  case .bool: for index in bytes.indices { values.append(bytes[index] == 0 ? 0 : 1) }
  case .uint8: append(bytes, UInt8.self, &values) { Double($0) }
  case .int8: append(bytes, Int8.self, &values) { Double($0) }
  case .uint16: append(bytes, UInt16.self, &values) { Double($0) }
  case .int16: append(bytes, Int16.self, &values) { Double($0) }
  case .uint32: append(bytes, UInt32.self, &values) { Double($0) }
  case .int32: append(bytes, Int32.self, &values) { Double($0) }
  case .uint64: append(bytes, UInt64.self, &values) { Double($0) }
  case .int64: append(bytes, Int64.self, &values) { Double($0) }
  case .float16, .complex32: append(bytes, UInt16.self, &values) { Double(Float16(bitPattern: $0)) }
  case .bfloat16:
    append(bytes, UInt16.self, &values) { Double(Float(bitPattern: UInt32($0) << 16)) }
  case .float32, .complex64: append(bytes, UInt32.self, &values) { Double(Float(bitPattern: $0)) }
  case .float64, .complex128: append(bytes, UInt64.self, &values) { Double(bitPattern: $0) }
  case .float8_e4m3fn: append(bytes, UInt8.self, &values) { Float8.e4m3fn.decode($0) }
  case .float8_e5m2: append(bytes, UInt8.self, &values) { Float8.e5m2.decode($0) }
  case .float8_e4m3fnuz: append(bytes, UInt8.self, &values) { Float8.e4m3fnuz.decode($0) }
  case .float8_e5m2fnuz: append(bytes, UInt8.self, &values) { Float8.e5m2fnuz.decode($0) }
  case .float8_e8m0fnu: append(bytes, UInt8.self, &values) { Float8.decodeE8M0($0) }
  case .float4_e2m1fn_x2:
    for index in bytes.indices {
      values.append(decodeE2M1(bytes[index] & 0x0F))
      values.append(decodeE2M1(bytes[index] >> 4))
    }
  }
}

/// All numbers of a tensor that `produce` gives run by run.
package func collectDoubles(
  _ dtype: DType, count: Int, _ produce: (ElementSink) throws -> Void
) throws -> [Double] {
  try CheckpointError.requireMemory(count * MemoryLayout<Double>.size)
  var all: [Double] = []
  all.reserveCapacity(count)
  var values: [Double] = []
  try produce { _, run in
    decodeDoubles(run, dtype, into: &values)
    all += values
  }
  return all
}

@inline(__always)
private func append<T: FixedWidthInteger & BitwiseCopyable>(
  _ bytes: Span<UInt8>, _: T.Type, _ values: inout [Double], _ convert: (T) -> Double
) {
  let size = MemoryLayout<T>.size
  // The count is that of whole elements within the span.
  unsafe bytes.withUnsafeBytes { buffer in
    let count = buffer.count / size
    values.reserveCapacity(count)
    for index in 0..<count {
      values.append(
        convert(
          T(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: index * size, as: T.self))))
    }
  }
}

/// A sign, two bits of exponent and one of mantissa: all the sixteen values there are.
private func decodeE2M1(_ bits: UInt8) -> Double {
  let magnitude = [0, 0.5, 1, 1.5, 2, 3, 4, 6][Int(bits & 0x7)]
  return bits & 0x8 == 0 ? magnitude : -magnitude
}

/// An 8-bit floating-point format, as ml_dtypes defines them.
private struct Float8 {
  let mantissaBits: Int
  let bias: Int
  /// Whether the all-ones exponent holds infinity and NaN, as in IEEE 754.
  let isIEEE: Bool
  /// Whether 0x80 is the only NaN and there is no negative zero.
  let isUnsignedZero: Bool

  static let e4m3fn = Float8(mantissaBits: 3, bias: 7, isIEEE: false, isUnsignedZero: false)
  static let e5m2 = Float8(mantissaBits: 2, bias: 15, isIEEE: true, isUnsignedZero: false)
  static let e4m3fnuz = Float8(mantissaBits: 3, bias: 8, isIEEE: false, isUnsignedZero: true)
  static let e5m2fnuz = Float8(mantissaBits: 2, bias: 16, isIEEE: false, isUnsignedZero: true)

  func decode(_ bits: UInt8) -> Double {
    let sign: Double = bits & 0x80 == 0 ? 1 : -1
    let magnitude = Int(bits & 0x7F)
    let exponent = magnitude >> mantissaBits
    let mantissa = magnitude & (1 << mantissaBits - 1)
    if isUnsignedZero {
      if bits == 0x80 { return .nan }
    } else if isIEEE {
      if exponent == 0x7F >> mantissaBits { return mantissa == 0 ? sign * .infinity : .nan }
    } else if magnitude == 0x7F {
      return .nan
    }
    let scale = exponent == 0 ? 1 - bias : exponent - bias
    let significand = exponent == 0 ? mantissa : mantissa + 1 << mantissaBits
    return sign
      * Double(sign: .plus, exponent: scale - mantissaBits, significand: Double(significand))
  }

  /// A power of two without a sign: the scale of the microscaling formats (OCP MX 1.0).
  static func decodeE8M0(_ bits: UInt8) -> Double {
    bits == 0xFF ? .nan : Double(sign: .plus, exponent: Int(bits) - 127, significand: 1)
  }
}
