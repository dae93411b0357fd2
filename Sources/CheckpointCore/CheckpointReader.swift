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
  /// The paths of the other files that belong to the one that was opened.
  var companions: [String] { get }

  /// Streams the elements `range` of `tensor`, counted in C order, as consecutive runs of about
  /// `chunkSize` bytes, and verifies the checksums the format carries. A bad checksum may only be
  /// known after the last run: the elements count as read only on return.
  func stream(
    _ tensor: TensorInfo, elements range: Range<Int>, chunkSize: Int, _ sink: ElementSink
  ) throws
}

extension CheckpointReader {
  /// None: most formats are one file.
  public var companions: [String] { [] }

  /// All elements of `tensor`, in C order, little-endian.
  package func read(_ tensor: TensorInfo) throws -> [UInt8] {
    try read(tensor, elements: 0..<tensor.shape.count)
  }

  /// Streams all elements of `tensor`.
  package func stream(
    _ tensor: TensorInfo, chunkSize: Int = Streaming.chunkSize, _ sink: ElementSink
  ) throws {
    try stream(tensor, elements: 0..<tensor.shape.count, chunkSize: chunkSize, sink)
  }

  /// The elements `range` of `tensor`, counted in C order.
  package func read(_ tensor: TensorInfo, elements range: Range<Int>) throws -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= tensor.shape.count else {
      throw CheckpointError(
        entry: tensor.name,
        "elements \(range.lowerBound) to \(range.upperBound) asked of \(tensor.shape.count)")
    }
    try CheckpointError.requireMemory(range.count * tensor.dtype.itemSize)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count * tensor.dtype.itemSize)
    try stream(tensor, elements: range, chunkSize: Streaming.chunkSize) { _, run in
      unsafe run.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The entries that are tensors.
  package var tensors: [TensorInfo] {
    entries.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
  }

  package var placeholders: [Placeholder] {
    entries.compactMap { if case .placeholder(let item) = $0 { item } else { nil } }
  }
}

package enum Streaming {
  /// Bytes per chunk where nothing else asks for a size: fits the second-level cache of two cores.
  package static let chunkSize = 512 * 1024
}
