/// Reverses the bytes of every `width`-byte group, in place. `width` is 1, 2, 4, 8 or 16.
package func swapBytes(_ bytes: inout MutableSpan<UInt8>, width: Int) {
  unsafe bytes.withUnsafeMutableBytes { buffer in
    switch width {
    case 2: unsafe swapElements(buffer, UInt16.self)
    case 4: unsafe swapElements(buffer, UInt32.self)
    case 8: unsafe swapElements(buffer, UInt64.self)
    case 16: unsafe swapElements(buffer, UInt128.self)
    default: break
    }
  }
}

private func swapElements<T: FixedWidthInteger & BitwiseCopyable>(
  _ buffer: UnsafeMutableRawBufferPointer, _: T.Type
) {
  let size = MemoryLayout<T>.size
  let count = buffer.count / size
  for index in 0..<count {
    let value = unsafe buffer.loadUnaligned(fromByteOffset: index * size, as: T.self)
    unsafe buffer.storeBytes(of: value.byteSwapped, toByteOffset: index * size, as: T.self)
  }
}
