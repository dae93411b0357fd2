public import CheckpointCore

/// A Swift type whose values are a tensor's elements, bit for bit.
public protocol TensorElement: BitwiseCopyable, Sendable {
  /// The dtype whose elements these are.
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }

#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorElement { public static var dtype: DType { .float16 } }
#endif

extension OutputTensor {
  /// A tensor to write, of the elements at hand.
  ///
  /// - Parameters:
  ///   - name: the full name, as the format is to keep it.
  ///   - shape: the extents, the slowest first.
  ///   - elements: in C order, the last extent the fastest; as many as `shape` has.
  /// - Throws: `CheckpointError` where there are more or fewer.
  public init<T: TensorElement>(name: TensorName, shape: Shape, elements: [T]) throws {
    guard elements.count == shape.count else {
      throw CheckpointError(
        entry: name, "a tensor of shape \(shape) has \(shape.count) elements, not \(elements.count)"
      )
    }
    // The supported machines are little-endian, as the elements of every stream are.
    let bytes = unsafe elements.withUnsafeBytes { unsafe Array($0) }
    self.init(name: name, dtype: T.dtype, shape: shape) { sink in try sink(0, bytes.span) }
  }
}
