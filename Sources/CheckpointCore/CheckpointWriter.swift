public import Bytes

/// A tensor to be written.
public struct OutputTensor: Sendable {
  public let name: TensorName
  public let dtype: DType
  public let shape: Shape
  /// The name of an earlier tensor whose storage this one shares; its own elements are not asked for.
  public let aliasOf: TensorName?
  /// Bytes that producing the elements holds at its peak.
  public let workingMemory: Int
  /// Produces the elements, each once, as consecutive runs.
  public let produce: @Sendable (ElementSink) throws -> Void

  public init(
    name: TensorName, dtype: DType, shape: Shape, aliasOf: TensorName? = nil,
    workingMemory: Int = Streaming.chunkSize,
    produce: @escaping @Sendable (ElementSink) throws -> Void
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.aliasOf = aliasOf
    self.workingMemory = workingMemory
    self.produce = produce
  }

  public var byteCount: Int { shape.count * dtype.itemSize }
}

/// Writes checkpoints of one format. Equal tensors give equal bytes.
public protocol CheckpointWriter: Sendable {
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
  public func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] { [] }
}

/// How much of the machine a command may use.
public struct WorkLimits: Sendable {
  public let threads: Int
  /// Bytes of tensor data in flight at once.
  public let memory: Int
  /// Told of every chunk that is done.
  public let progress: Progress?

  public init(threads: Int, memory: Int, progress: Progress? = nil) {
    self.threads = threads
    self.memory = memory
    self.progress = progress
  }
}
