import CheckpointCore

/// The dtype names of the safetensors format.
enum SafetensorsDType {
  case known(DType)
  /// A type without an element type here; its size in bits.
  case other(bits: Int)

  init?(_ name: String) {
    if let dtype = Self.names.first(where: { $0.name == name })?.dtype {
      self = .known(dtype)
    } else if let bits = ["F4": 4, "F6_E2M3": 6, "F6_E3M2": 6][name] {
      self = .other(bits: bits)
    } else {
      return nil
    }
  }

  static func name(of dtype: DType) -> String? { names.first { $0.dtype == dtype }?.name }

  private static let names: [(name: String, dtype: DType)] = [
    ("BOOL", .bool), ("U8", .uint8), ("I8", .int8), ("U16", .uint16), ("I16", .int16),
    ("U32", .uint32), ("I32", .int32), ("U64", .uint64), ("I64", .int64),
    ("F16", .float16), ("BF16", .bfloat16), ("F32", .float32), ("F64", .float64),
    ("F8_E4M3", .float8_e4m3fn), ("F8_E5M2", .float8_e5m2), ("F8_E8M0", .float8_e8m0fnu),
    ("F8_E4M3FNUZ", .float8_e4m3fnuz), ("F8_E5M2FNUZ", .float8_e5m2fnuz), ("C64", .complex64),
  ]
}
