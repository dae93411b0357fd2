/// An open checkpoint of some format.
///
/// Opening lists every entry and reads no tensor data. A reader may be used from several threads.
public protocol CheckpointReader: Sendable {
  /// The format's name for a person, with its variant: "NumPy npz", "PyTorch zip".
  var formatDescription: String { get }
  /// The format this reader reads.
  var format: FormatName { get }
  /// Every tensor and every placeholder, in the file's order.
  var entries: [CheckpointEntry] { get }

  /// Streams the elements of `tensor` in C order, little-endian, as consecutive chunks of whole
  /// elements of about `chunkSize` bytes, and verifies the checksums the format carries. A bad
  /// checksum may only be known after the last chunk: the elements count as read only on return.
  func stream(
    _ tensor: TensorInfo, chunkSize: Int, _ body: (Span<UInt8>) throws -> Void
  ) throws
}

extension CheckpointReader {
  /// All elements of `tensor`, in C order, little-endian.
  public func read(_ tensor: TensorInfo) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tensor.byteCount)
    try stream(tensor, chunkSize: Streaming.chunkSize) { chunk in
      unsafe chunk.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The elements `range` of `tensor`, counted in C order.
  public func read(_ tensor: TensorInfo, elements range: Range<Int>) throws -> [UInt8] {
    let size = tensor.dtype.itemSize
    guard range.lowerBound >= 0, range.upperBound <= tensor.shape.count else {
      throw CheckpointError(
        entry: tensor.name,
        "elements \(range.lowerBound) to \(range.upperBound) asked of \(tensor.shape.count)")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count * size)
    var position = 0
    try stream(tensor, chunkSize: Streaming.chunkSize) { chunk in
      let wanted = (range.lowerBound * size..<range.upperBound * size)
        .clamped(to: position..<position + chunk.count)
      for index in wanted { bytes.append(chunk[index - position]) }
      position += chunk.count
    }
    return bytes
  }

  public var tensors: [TensorInfo] {
    entries.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
  }

  public var placeholders: [Placeholder] {
    entries.compactMap { if case .placeholder(let item) = $0 { item } else { nil } }
  }
}

public enum Streaming {
  /// Bytes per chunk where nothing else asks for a size: fits the second-level cache of two cores.
  public static let chunkSize = 512 * 1024
}

/// The formats, under the names that `--format` and `--to` take.
public enum FormatName: String, Sendable, CaseIterable {
  case npz, npy, torch, safetensors, flax, hdf5
}
