/// What a checkpoint says of one tensor, known without reading its data.
public struct TensorInfo: Sendable, Hashable {
  /// The full name. Nested keys are joined by the separator of the format's world: `/` for NumPy,
  /// HDF5 and Flax files, `.` for PyTorch and safetensors. A bare tensor is named `""`.
  public let name: TensorName
  /// The type of the elements.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  /// Where the elements lie; equal for two names exactly where they are views of the same elements.
  public let storage: StorageView?
  /// The name in the file, which stays when a subtree is selected.
  public let nameInFile: TensorName

  public init(name: TensorName, dtype: DType, shape: Shape, storage: StorageView? = nil) {
    self.init(name: name, nameInFile: name, dtype: dtype, shape: shape, storage: storage)
  }

  private init(
    name: TensorName, nameInFile: TensorName, dtype: DType, shape: Shape, storage: StorageView?
  ) {
    self.name = name
    self.nameInFile = nameInFile
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
  }

  /// Bytes of the elements.
  public var byteCount: Int { shape.count * dtype.itemSize }

  /// The same tensor under another name, as selecting a subtree gives it.
  package func renamed(_ name: TensorName) -> TensorInfo {
    TensorInfo(name: name, nameInFile: nameInFile, dtype: dtype, shape: shape, storage: storage)
  }
}

/// A view of a storage: two tensors that share one are one parameter under two names.
public struct StorageView: Sendable, Hashable {
  /// The storage's key in the file (a PyTorch storage number, a zip entry's name).
  public let key: String
  /// Where the storage's bytes begin in the file; `nil` where they are compressed.
  public let fileOffset: Int?
  /// The byte of the storage where the first element begins.
  public let offset: Int
  /// Steps in elements, one per dimension.
  public let strides: [Int]
  /// Whether reading the view negates or conjugates what is stored: such a view is another tensor.
  public let changesValues: Bool

  public init(
    key: String, fileOffset: Int?, offset: Int, strides: [Int], changesValues: Bool = false
  ) {
    self.changesValues = changesValues
    self.key = key
    self.fileOffset = fileOffset
    self.offset = offset
    self.strides = strides
  }

  /// By where the view begins: views that differ in their strides alone are few.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(TensorName(key))
    hasher.combine(offset)
  }
}

/// Something in a checkpoint that is not a tensor this tool can represent. It is always listed.
public struct Placeholder: Sendable, Hashable {
  /// Whether leaving it out loses data.
  public enum Kind: Sendable, Hashable {
    /// A plain value beside the tensors: an epoch number, a learning rate, a configuration string.
    case value
    /// Array data that has no representation here: a conversion that would lose it is refused.
    case data
  }
  /// The full name.
  public let name: TensorName
  /// Whether leaving it out loses data.
  public let kind: Kind
  /// What it is and why it is not a tensor; long values are cut.
  public let reason: String
  /// All of a plain value, where it can be said in JSON.
  public let value: PlainValue?

  public init(name: TensorName, kind: Kind, reason: String, value: PlainValue? = nil) {
    self.name = name
    self.kind = kind
    self.reason = reason
    self.value = value
  }

  /// `{"name": …, "kind": "value" | "data", "reason": …}`.
  package var json: JSONValue {
    .object([
      "name": .name(name), "kind": .string(kind == .data ? "data" : "value"),
      "reason": .string(reason),
    ])
  }

  func renamed(_ name: TensorName) -> Placeholder {
    Placeholder(name: name, kind: kind, reason: reason, value: value)
  }
}

/// What is listed of a checkpoint: a tensor, or something that is none.
public enum CheckpointEntry: Sendable, Hashable {
  case tensor(TensorInfo)
  case placeholder(Placeholder)

  /// The full name.
  public var name: TensorName {
    switch self {
    case .tensor(let tensor): tensor.name
    case .placeholder(let placeholder): placeholder.name
    }
  }

  /// Whether it is a tensor, or data that cannot be read: no plain value beside the tensors.
  package var isData: Bool {
    if case .placeholder(let item) = self { item.kind == .data } else { true }
  }

  /// The same entry under another name.
  package func renamed(_ name: TensorName) -> CheckpointEntry {
    switch self {
    case .tensor(let tensor): .tensor(tensor.renamed(name))
    case .placeholder(let placeholder): .placeholder(placeholder.renamed(name))
    }
  }
}

extension Sequence<CheckpointEntry> {
  /// The tensors, where they are all the data there is: plain values beside them are no data.
  ///
  /// - Throws: `CheckpointError` where an entry holds data that cannot be read. What is then said of
  ///   the rest would not be true of the whole.
  package func readableTensors() throws -> [TensorInfo] {
    var tensors: [TensorInfo] = []
    var unread: [Placeholder] = []
    for entry in self {
      switch entry {
      case .tensor(let tensor): tensors.append(tensor)
      case .placeholder(let item) where item.kind == .data: unread.append(item)
      case .placeholder: break
      }
    }
    guard unread.isEmpty else {
      let shown = unread.prefix(4).map { "\($0.name) (\($0.reason))" }.joined(separator: ", ")
      throw CheckpointError(
        "\(unread.count) \(unread.count == 1 ? "entry holds" : "entries hold") data that cannot be "
          + "read: \(shown)\(unread.count > 4 ? ", …" : "")",
        advice: "leave it out with --exclude to go by the rest")
    }
    return tensors
  }
}
