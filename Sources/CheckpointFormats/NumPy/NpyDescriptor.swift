import CheckpointCore

/// What an npy file's `descr` says of its elements.
enum NpyDescriptor {
  case elements(DType, isBigEndian: Bool)
  /// Python objects: a pickle stands where the elements would.
  case objects
  /// Not a plain numeric type; the reason is for the listing. `itemSize` is known for raw bytes.
  case unsupported(reason: String)

  /// - Parameter rawTypes: what raw bytes of a width are to be read as. ml_dtypes stores bfloat16
  ///   as `V2` and float8 as `V1`, which say nothing of the type.
  init(_ descr: PythonLiteral, rawTypes: [Int: DType]) {
    switch descr {
    case .string(let text): self = Self.parse(text, rawTypes: rawTypes)
    case .list(let fields):
      self = .unsupported(reason: "a structured array of \(fields.count) fields")
    default: self = .unsupported(reason: "an array with the unknown descriptor \(descr)")
    }
  }

  private static func parse(_ text: String, rawTypes: [Int: DType]) -> NpyDescriptor {
    if let named = DType(rawValue: text) {
      // Newer writers name the types NumPy has no character for.
      return .elements(named, isBigEndian: false)
    }
    var rest = Substring(text)
    let order = rest.first.flatMap { "<>|=".contains($0) ? $0 : nil }
    if order != nil { rest.removeFirst() }
    let isBigEndian = order == ">"
    if let dtype = numeric[String(rest)] { return .elements(dtype, isBigEndian: isBigEndian) }
    guard let kind = rest.first else {
      return .unsupported(reason: "an array with an empty descriptor")
    }
    let size = Int(rest.dropFirst())
    switch kind {
    case "V":
      if let size, let dtype = rawTypes[size] {
        return .elements(dtype, isBigEndian: isBigEndian)
      }
      return .unsupported(reason: rawReason(size))
    case "O": return .objects
    case "S", "a": return .unsupported(reason: "an array of byte strings (\(text))")
    case "U": return .unsupported(reason: "an array of strings (\(text))")
    case "M", "m": return .unsupported(reason: "an array of dates or times (\(text))")
    case "f", "c":
      return .unsupported(reason: "\(text): extended precision has no portable layout")
    default: return .unsupported(reason: "an array with the unknown descriptor '\(text)'")
    }
  }

  private static func rawReason(_ size: Int?) -> String {
    switch size {
    case 1: "raw bytes (V1): if ml_dtypes wrote float8 here, name the type with --raw-as"
    case 2: "raw bytes (V2): if ml_dtypes wrote bfloat16 here, read it with --raw-as bfloat16"
    default: "raw bytes (V\(size.map(String.init) ?? "?"))"
    }
  }

  private static let numeric: [String: DType] = [
    "b1": .bool, "?": .bool,
    "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
    "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
    // ml_dtypes gives float8_e5m2, alone of its types, the kind of a float; np.load refuses it, so
    // it is read but not written.
    "f1": .float8_e5m2, "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64,
    "c16": .complex128,
  ]

  /// The descriptor that NumPy writes and reads for `dtype`, little-endian.
  static func descr(of dtype: DType) -> String {
    switch dtype {
    case .bool: "|b1"
    case .bfloat16: "<V2"
    case .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
      .float4_e2m1fn_x2:
      "<V1"
    case .complex32: "<V4"
    case .int8: "|i1"
    case .uint8: "|u1"
    default: "<\(numeric.first { $0.value == dtype && $0.key.count > 1 }?.key ?? "")"
    }
  }

  /// Whether `dtype` is written as raw bytes, which do not name it.
  static func isRaw(_ dtype: DType) -> Bool { descr(of: dtype).contains("V") }

  /// Whether NumPy has the type where ml_dtypes is imported.
  static func isInMLDtypes(_ dtype: DType) -> Bool {
    isRaw(dtype) && dtype != .complex32 && !dtype.isPacked
  }

  /// One sentence for each dtype that is written as raw bytes.
  static func rawNotes(_ tensors: [OutputTensor]) -> [String] {
    var notes: [String] = []
    for dtype in DType.allCases {
      let count = tensors.count { $0.dtype == dtype }
      guard count > 0, isRaw(dtype) else { continue }
      let view = isInMLDtypes(dtype) ? ".view(ml_dtypes.\(dtype)) or " : ""
      notes.append(
        "\(dtype) has no npy descriptor: \(count) tensors are written as raw bytes (\(descr(of: dtype))); "
          + "read them with \(view)--raw-as \(dtype)")
    }
    return notes
  }
}
