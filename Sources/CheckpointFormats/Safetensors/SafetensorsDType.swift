import CheckpointCore

/// The dtype names of the safetensors format.
enum SafetensorsDType {
  case known(DType)
  /// A type of which several make one element here: F4 of less than a byte.
  case packed(DType, count: Int)
  /// A type without an element type here; its size in bits.
  case other(bits: Int)

  init?(_ name: String) {
    if let dtype = Self.names.first(where: { $0.name == name })?.dtype {
      self = .known(dtype)
    } else if name == Self.packedName {
      self = .packed(.float4_e2m1fn_x2, count: 2)
    } else if let bits = ["F6_E2M3": 6, "F6_E3M2": 6][name] {
      self = .other(bits: bits)
    } else {
      return nil
    }
  }

  /// The bits of one of the type.
  var bits: Int {
    switch self {
    case .known(let dtype): 8 * dtype.itemSize
    case .packed(let dtype, let count): 8 * dtype.itemSize / count
    case .other(let bits): bits
    }
  }

  /// The element type, and the shape in elements of what has `shape` in the file; `nil` where there is
  /// none, or a row ends within an element.
  func elements(_ shape: Shape) -> (dtype: DType, shape: Shape)? {
    switch self {
    case .known(let dtype): return (dtype, shape)
    case .packed(let dtype, let count):
      guard let row = shape.dimensions.last, row % count == 0 else { return nil }
      return Shape(shape.dimensions.dropLast() + [row / count]).map { (dtype, $0) }
    case .other: return nil
    }
  }

  static func name(of dtype: DType) -> String? {
    dtype.isPacked ? packedName : names.first { $0.dtype == dtype }?.name
  }

  /// The shape in a file of what has `shape` in elements.
  static func dimensions(_ dtype: DType, _ shape: Shape) -> [Int] {
    guard dtype.isPacked, let row = shape.dimensions.last else { return shape.dimensions }
    return shape.dimensions.dropLast() + [row * dtype.numbersPerElement]
  }

  private static let packedName = "F4"

  private static let names: [(name: String, dtype: DType)] = [
    ("BOOL", .bool), ("U8", .uint8), ("I8", .int8), ("U16", .uint16), ("I16", .int16),
    ("U32", .uint32), ("I32", .int32), ("U64", .uint64), ("I64", .int64),
    ("F16", .float16), ("BF16", .bfloat16), ("F32", .float32), ("F64", .float64),
    ("F8_E4M3", .float8_e4m3fn), ("F8_E5M2", .float8_e5m2), ("F8_E8M0", .float8_e8m0fnu),
    ("F8_E4M3FNUZ", .float8_e4m3fnuz), ("F8_E5M2FNUZ", .float8_e5m2fnuz), ("C64", .complex64),
  ]
}
