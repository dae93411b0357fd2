public import CheckpointCore
import CheckpointFormats

/// A record of one conversion, from which it can be replayed: the hashes of both sides, and the
/// rule and role behind every tensor. `schemas/certificate.schema.json` describes the file.
public struct Certificate: Sendable, Equatable {
  /// A tensor as it was hashed: SHA-256 of its elements in C order, little-endian.
  public struct Digest: Sendable, Equatable {
    public let name: TensorName
    public let dtype: String
    public let shape: [Int]
    public let sha256: String

    public init(name: TensorName, dtype: String, shape: [Int], sha256: String) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.sha256 = sha256
    }
  }

  public struct Side: Sendable, Equatable {
    /// The path as the command line gave it.
    public let file: String
    /// One hash over all of `tensors`.
    public let root: String
    /// In name order.
    public let tensors: [Digest]

    /// The dtypes of its tensors, as far as they are known.
    var dtypes: [DType] { tensors.compactMap { DType(rawValue: $0.dtype) } }

    public init(file: String, root: String, tensors: [Digest]) {
      self.file = file
      self.root = root
      self.tensors = tensors
    }
  }

  /// The part of the source that was converted, and how it was read.
  public struct Selection: Sendable, Equatable {
    public let key: TensorName?
    public let include: [String]
    public let exclude: [String]
    /// The format it was read as, where that was not left to its content.
    public let format: FormatName?
    /// What raw bytes of their width were read as.
    public let rawTypes: [DType]

    init(of checkpoint: Checkpoint) {
      key = checkpoint.selection.key
      include = checkpoint.selection.include
      exclude = checkpoint.selection.exclude
      format = checkpoint.options.format
      rawTypes = checkpoint.options.rawTypes.values.sorted { $0.name < $1.name }
    }

    /// The checkpoint at `path`, read in the same way.
    func open(_ path: String) throws -> Checkpoint {
      try Checkpoint(
        path: path,
        options: ReadOptions(
          format: format,
          rawTypes: Dictionary(
            rawTypes.map { ($0.itemSize, $0) }, uniquingKeysWith: { _, last in last })),
        selection: EntrySelection(key: key, include: include, exclude: exclude))
    }
  }

  /// How one target tensor was made.
  public struct Origin: Sendable, Equatable {
    public let name: TensorName
    public let sources: [TensorName]
    public let role: String
    public let rule: Int?
    public let aliasOf: TensorName?

    public init(
      name: TensorName, sources: [TensorName], role: String, rule: Int?, aliasOf: TensorName?
    ) {
      self.name = name
      self.sources = sources
      self.role = role
      self.rule = rule
      self.aliasOf = aliasOf
    }
  }

  public let toolVersion: String
  /// The model document's name or path; `nil` where the format alone was changed.
  public let map: String?
  /// In the words of the document's sides; `nil` where the format alone was changed.
  public let direction: String?
  /// The dtype that floating-point tensors were cast to.
  public let dtype: String?
  /// The file that tensors without a source were copied from; `nil` where there was none.
  public let template: String?
  public let selection: Selection
  public let source: Side
  public let target: Side
  public let origins: [Origin]

  public init(
    toolVersion: String, map: String?, direction: String?, dtype: String?, template: String?,
    selection: Selection, source: Side, target: Side, origins: [Origin]
  ) {
    self.toolVersion = toolVersion
    self.map = map
    self.direction = direction
    self.dtype = dtype
    self.template = template
    self.selection = selection
    self.source = source
    self.target = target
    self.origins = origins
  }
}
