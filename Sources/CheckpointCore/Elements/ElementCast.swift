import Synchronization

/// Casting floating-point tensors to another floating-point type.
package enum ElementCast {
  /// The types that can be cast to.
  package static let targets: [DType] = [.float16, .bfloat16, .float32, .float64]

  package static func canCast(_ dtype: DType) -> Bool {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz,
      .float8_e5m2fnuz:
      true
    default: false
    }
  }

  /// The elements of `bytes` as `target`, rounded to nearest, ties to even.
  ///
  /// - Parameter overflows: grows by the finite elements that became infinite.
  package static func cast(
    _ bytes: Span<UInt8>, from source: DType, to target: DType, overflows: inout Int
  ) -> [UInt8] {
    var values: [Double] = []
    decodeDoubles(bytes, source, into: &values)
    var result: [UInt8] = []
    overflows += encode(values, as: target, into: &result)
    return result
  }

  /// Appends `values` as elements of `target`, one of `targets`, rounded to nearest, ties to even.
  ///
  /// - Returns: how many finite values became infinite.
  @discardableResult
  package static func encode(
    _ values: [Double], as target: DType, into result: inout [UInt8]
  ) -> Int {
    var overflows = 0
    result.reserveCapacity(result.count + values.count * target.itemSize)
    for value in values {
      let isFinite: Bool
      switch target {
      case .float16:
        let rounded = Float16(value)
        isFinite = rounded.isFinite
        append(rounded.bitPattern, to: &result)
      case .bfloat16:
        let rounded = bfloat16(value)
        isFinite = rounded & 0x7F80 != 0x7F80
        append(rounded, to: &result)
      case .float32:
        let rounded = Float(value)
        isFinite = rounded.isFinite
        append(rounded.bitPattern, to: &result)
      default:
        isFinite = value.isFinite
        append(value.bitPattern, to: &result)
      }
      if !isFinite, value.isFinite { overflows += 1 }
    }
    return overflows
  }

  private static func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    for byte in 0..<MemoryLayout<T>.size {
      bytes.append(UInt8(truncatingIfNeeded: value >> T(8 * byte)))
    }
  }

  /// The bits of the bfloat16 nearest to `value`. Rounding to float32 first would round twice, so
  /// that step rounds to odd, which keeps what the second needs to know.
  private static func bfloat16(_ value: Double) -> UInt16 {
    guard !value.isNaN else { return 0x7FC0 }
    var bits = Float(value).bitPattern
    let single = Double(Float(bitPattern: bits))
    if single != value, single.isFinite, bits & 1 == 0 {
      bits = single.magnitude < value.magnitude ? bits + 1 : bits - 1
    }
    let half = UInt32(0x7FFF) + ((bits >> 16) & 1)
    return UInt16(truncatingIfNeeded: (bits &+ half) >> 16)
  }
}

extension OutputTensor {
  /// The tensor cast to `target`, where it is a floating-point tensor of another type.
  ///
  /// - Parameter overflows: told of the finite elements of each chunk that became infinite.
  package func cast(
    to target: DType, overflows: @escaping @Sendable (Int) -> Void
  ) -> OutputTensor {
    guard dtype != target, ElementCast.canCast(dtype) else { return self }
    return OutputTensor(
      name: name, dtype: target, shape: shape, aliasOf: aliasOf,
      workingMemory: workingMemory + 8 * Streaming.chunkSize
    ) { [dtype, produce] sink in
      try produce { position, whole in
        // A transposed tensor comes as one run: cast it piece by piece.
        for start in stride(from: 0, to: whole.count, by: Streaming.chunkSize) {
          let part = whole.extracting(start..<min(start + Streaming.chunkSize, whole.count))
          var count = 0
          let bytes = ElementCast.cast(part, from: dtype, to: target, overflows: &count)
          if count > 0 { overflows(count) }
          try sink(position + start / dtype.itemSize, bytes.span)
        }
      }
    }
  }
}
