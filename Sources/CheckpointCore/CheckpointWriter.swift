package import Bytes

/// A tensor to be written.
public struct OutputTensor: Sendable {
  /// The full name, as the format is to keep it.
  public let name: TensorName
  /// The type of the elements.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  /// The name of an earlier tensor whose storage this one shares; its own elements are not asked for.
  public let aliasOf: TensorName?
  /// Bytes that producing the elements holds at its peak.
  package let workingMemory: Int
  /// Produces the elements, each once, as consecutive runs.
  public let produce: @Sendable (ElementSink) throws -> Void

  /// A tensor whose elements come from elsewhere.
  ///
  /// - Parameters:
  ///   - aliasOf: the name of an earlier tensor whose storage this one shares.
  ///   - produce: gives the elements in C order, little-endian, as consecutive runs.
  public init(
    name: TensorName, dtype: DType, shape: Shape, aliasOf: TensorName? = nil,
    produce: @escaping @Sendable (ElementSink) throws -> Void
  ) {
    self.init(
      name: name, dtype: dtype, shape: shape, aliasOf: aliasOf,
      workingMemory: Streaming.chunkSize, produce: produce)
  }

  /// The same, where producing the elements holds more than a chunk of them.
  package init(
    name: TensorName, dtype: DType, shape: Shape, aliasOf: TensorName? = nil,
    workingMemory: Int,
    produce: @escaping @Sendable (ElementSink) throws -> Void
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.aliasOf = aliasOf
    self.workingMemory = workingMemory
    self.produce = produce
  }

  /// Bytes of the elements.
  public var byteCount: Int { shape.count * dtype.itemSize }
}

/// Writes checkpoints of one format. Equal tensors give equal bytes.
package protocol CheckpointWriter: Sendable {
  var format: FormatName { get }

  /// Refuses, before anything is written, what the format cannot hold, and returns one sentence
  /// for each thing it holds in another form.
  func prepare(_ tensors: [OutputTensor]) throws -> [String]

  /// Those of the plain values that stood beside `tensors` which the format can hold.
  func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue]

  /// Writes `tensors` and `values`, all of which it can hold, into `file`, which the caller commits.
  func write(
    _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
  ) throws
}

extension CheckpointWriter {
  /// None: most formats have no place for them.
  package func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] { [] }
}

/// How much of the machine a command may use.
package struct WorkLimits: Sendable {
  package let threads: Int
  /// Bytes of tensor data in flight at once.
  package let memory: Int
  /// Told of every chunk that is done.
  package let progress: Progress?

  package init(threads: Int, memory: Int, progress: Progress? = nil) {
    self.threads = threads
    self.memory = memory
    self.progress = progress
  }

  /// All processors, and memory for two of the largest tensor with their chunks.
  package static func forTensors(largest: Int, progress: Progress? = nil) -> WorkLimits {
    WorkLimits(
      threads: Machine.processorCount, memory: 2 * largest + (16 << 20), progress: progress)
  }
}
