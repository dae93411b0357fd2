/// The element type of a tensor, under the name NumPy and PyTorch give it.
public enum DType: String, Sendable, CaseIterable, Hashable {
  case bool
  case uint8, uint16, uint32, uint64
  case int8, int16, int32, int64
  case float16, bfloat16, float32, float64
  /// The float8 formats of "FP8 Formats for Deep Learning" (arXiv:2209.05433) and their relatives
  /// without a negative zero, as ml_dtypes and PyTorch name them.
  case float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu
  /// Two numbers of four bits in a byte, the first in the low bits, as PyTorch has them: E2M1 of "OCP
  /// Microscaling Formats (MX)" 1.0. A shape counts the bytes.
  case float4_e2m1fn_x2
  /// A pair of float16: `torch.complex32`.
  case complex32
  case complex64, complex128

  /// NumPy's and PyTorch's name: `bfloat16`.
  public var name: String { rawValue }

  /// Bytes per element.
  public var itemSize: Int {
    switch self {
    case .bool, .uint8, .int8, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz,
      .float8_e5m2fnuz, .float8_e8m0fnu, .float4_e2m1fn_x2:
      1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32, .complex32: 4
    case .uint64, .int64, .float64, .complex64: 8
    case .complex128: 16
    }
  }

  /// Whether an element is a real and an imaginary part, in that order.
  public var isComplex: Bool {
    switch self {
    case .complex32, .complex64, .complex128: true
    default: false
    }
  }

  /// Whether the elements are whole numbers; `bool` has none.
  public var isInteger: Bool {
    switch self {
    case .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64: true
    default: false
    }
  }

  /// Whether an element is several numbers along the last axis: no axis can be moved then.
  package var isPacked: Bool { self == .float4_e2m1fn_x2 }

  /// Numbers in an element.
  package var numbersPerElement: Int { isComplex || isPacked ? 2 : 1 }

  /// Bytes that hold one number: the unit of byte order. A complex element is two of them.
  public var componentSize: Int { isComplex ? itemSize / 2 : itemSize }
}
