package import CheckpointCore
import CheckpointFormats

/// A record of one conversion, from which it can be replayed: the hashes of both sides, and the
/// rule and role behind every tensor. `schemas/certificate.schema.json` describes the file.
package struct Certificate: Sendable, Equatable {
  /// A tensor as it was hashed: SHA-256 of its elements in C order, little-endian.
  package struct Digest: Sendable, Equatable {
    package let name: TensorName
    package let dtype: String
    package let shape: [Int]
    package let sha256: String

    package init(name: TensorName, dtype: String, shape: [Int], sha256: String) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.sha256 = sha256
    }
  }

  package struct Side: Sendable, Equatable {
    /// The path as the command line gave it.
    package let file: String
    /// One hash over all of `tensors`.
    package let root: String
    /// In name order.
    package let tensors: [Digest]

    /// The dtypes of its tensors, as far as they are known.
    var dtypes: [DType] { tensors.compactMap { DType(rawValue: $0.dtype) } }

    package init(file: String, root: String, tensors: [Digest]) {
      self.file = file
      self.root = root
      self.tensors = tensors
    }
  }

  /// The part of the source that was converted, and how it was read.
  package struct Selection: Sendable, Equatable {
    package let key: TensorName?
    package let include: [String]
    package let exclude: [String]
    /// The format it was read as, where that was not left to its content.
    package let format: FormatName?
    /// What raw bytes of their width were read as.
    package let rawTypes: [DType]

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
  package struct Origin: Sendable, Equatable {
    package let name: TensorName
    package let sources: [TensorName]
    package let role: String
    package let rule: Int?
    package let aliasOf: TensorName?

    package init(
      name: TensorName, sources: [TensorName], role: String, rule: Int?, aliasOf: TensorName?
    ) {
      self.name = name
      self.sources = sources
      self.role = role
      self.rule = rule
      self.aliasOf = aliasOf
    }
  }

  package let toolVersion: String
  /// The model document's name or path; `nil` where the format alone was changed.
  package let map: String?
  /// In the words of the document's sides; `nil` where the format alone was changed.
  package let direction: String?
  /// The dtype that floating-point tensors were cast to.
  package let dtype: String?
  /// The file that tensors without a source were copied from; `nil` where there was none.
  package let template: String?
  package let selection: Selection
  package let source: Side
  package let target: Side
  package let origins: [Origin]

  package init(
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
