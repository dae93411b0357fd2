public import CheckpointCore

/// What a file cannot say of itself.
public struct ReadOptions: Sendable {
  /// The format to read as; `nil` to recognise it by the file's content.
  public var format: FormatName?
  /// The element types that raw bytes of a width in an npy file are read as.
  public var rawTypes: [Int: DType]

  public init(format: FormatName? = nil, rawTypes: [Int: DType] = [:]) {
    self.format = format
    self.rawTypes = rawTypes
  }
}
